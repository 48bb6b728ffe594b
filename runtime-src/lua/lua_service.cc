#include "lua/lua_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "core/node.h"
#include "lua/jit_trace.h"
#include "lua/lua_native.h"
#include "lua/lua_state.h"
#include "lua/ready_code.h"
#include "lua/state_image.h"
#include "lua/task_scheduler.h"
#include "skynet.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// What stays on the main thread's stack.
constexpr int kTraceback = 1;
constexpr int kTurn = 2;
constexpr int kBase = 2;

constexpr std::uint32_t kLentToCollector = 1024 * 1024;

constexpr std::string_view kLoaderError = "lua loader error : ";

// The option `keep_running`: a node that has failed to start stays up, as skynet does.
bool keeps_running(Node& node) {
  const char* const value = node.environment.get("keep_running");
  return value != nullptr && std::strcmp(value, "true") == 0;
}

// The name of the service, from its arguments.
std::string_view first_word(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_first_of(kBlanks));
}

double megabytes(std::size_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

}  // namespace

int l_traceback(lua_State* L) {
  if (lua_type(L, 1) != LUA_TSTRING) luaL_tolstring(L, 1, nullptr);
  luaL_traceback(L, L, lua_tostring(L, -1), 1);
  return 1;
}

// What a turn's entry into Lua works on. The message is its owner's until it is handled or
// reported.
struct LuaService::Frame {
  Turn* turn;
  Message message;
  bool holds_message = false;
  bool entered = false;  // l_turn has begun
};

#ifdef RUNTIME_LUA54
// Thrown by the panic function, which Lua calls for an error outside of any lua_pcall.
struct Unprotected {};
#endif

LuaService::LuaService(Service& service) : service_(service) { heap_.service = this; }

TaskScheduler& LuaService::make_tasks() {
  if (tasks_ == nullptr) tasks_ = new (place_of_tasks_) TaskScheduler(service_, main_, marks_);
  return *tasks_;
}

void LuaService::end_tasks() {
  if (tasks_ != nullptr) std::destroy_at(std::exchange(tasks_, nullptr));
}

LuaService::~LuaService() {
  if (main_ == nullptr) return;
  if (tasks_ != nullptr) tasks_->tell_requesters();
  heap_.begin_release();
  lua_close(main_);
  end_tasks();
}

void LuaService::start(std::string args) {
  args_ = std::make_unique<const std::string>(std::move(args));
  service_.set_drain(drain_load, this);
}

void LuaService::set_drain(Service::Drain drain) {
  service_.set_drain(drain, this);
  ++callback_version_;
}

void LuaService::set_state(lua_State* L) {
  main_ = L;
#ifdef RUNTIME_LUAJIT
  global_ = L != nullptr && raw_values_known() ? raw_thread(L).global : nullptr;
#endif
}

// While it lives, the thread works for the service.
class LuaService::OnThread {
 public:
#ifdef RUNTIME_LUAJIT
  explicit OnThread(LuaService* service) {
    current = service->global_ != nullptr ? service : nullptr;
  }
  ~OnThread() { current = nullptr; }
#else
  explicit OnThread(LuaService*) {}
#endif
  OnThread(const OnThread&) = delete;
  OnThread& operator=(const OnThread&) = delete;
};

// ---- loading ------------------------------------------------------------------------------------

void LuaService::drain_load(Service&, void* self, Turn&) { static_cast<LuaService*>(self)->load(); }

// A service that has not asked for messages.
void LuaService::drain_nothing(Service& service, void*, Turn& turn) {
  for (Message message; turn.next(&message); message.free_payload())
    service.node().close_unhandled(message);
}

// The memory of a state of which an image is taken.
struct LuaService::ImageHeap : Heap {
  RecordedBlocks blocks;

  static void* alloc(void* heap, void* block, std::size_t, std::size_t new_size) {
    return static_cast<ImageHeap*>(static_cast<LuaHeap*>(heap))->blocks.alloc(block, new_size);
  }
};

// An empty state; null when memory runs out.
lua_State* LuaService::new_state(lua_Alloc alloc, LuaHeap& heap) {
  lua_State* L = lua_newstate(alloc, &heap);
  if (L == nullptr) return nullptr;
#ifdef RUNTIME_LUA54
  *static_cast<LuaService**>(lua_getextraspace(L)) = this;
  lua_atpanic(L, [](lua_State*) -> int { throw Unprotected{}; });
#endif
  return L;
}

// An image of a state as fill_state() leaves it; null when that raises. For as long as this takes
// the service has that state.
std::shared_ptr<const StateImage> LuaService::try_image(bool with_skynet, const FileNames& files) {
  ImageHeap heap;
  heap.service = this;
  set_state(new_state(ImageHeap::alloc, heap));
  if (main_ == nullptr) return nullptr;
  struct {
    bool with_skynet;
    const FileNames& files;
    const RecordedBlocks& blocks;
  } how{with_skynet, files, heap.blocks};
  const int status = call_protected(
      main_,
      [](lua_State* L) {
        const auto& [skynet, names, blocks] =
            *static_cast<const decltype(how)*>(lua_touserdata(L, 1));
        fill_state(L, of(L).service_.node().environment, skynet, names, &blocks);
        return 0;
      },
      &how);
  std::shared_ptr<const StateImage> image;
  if (status == LUA_OK) image = take_image(main_, heap.blocks);
  lua_State* const L = main_;
  set_state(nullptr);
  lua_close(L);
  end_tasks();
  return image;
}

// With `skynet`, if it can be.
std::shared_ptr<const StateImage> LuaService::make_image(const FileNames& files) {
  std::shared_ptr<const StateImage> image;
  // What the config's `preload` does comes before anything of skynet.
  if (service_.node().environment.get("preload") == nullptr) image = try_image(true, files);
  return image != nullptr ? image : try_image(false, files);
}

// Makes the state, filled. False when memory runs out.
bool LuaService::begin_state(ImageQuestion* question) {
  std::shared_ptr<const StateImage> image =
      find_image(service_.node().environment, first_word(*args_), question);
  if (image == nullptr) {
    image = make_image({});
    if (image == nullptr) image = std::make_shared<const StateImage>();
    put_image(*question, image);
  } else if (!question->files.empty()) {
    std::shared_ptr<const StateImage> own = make_image(question->files);
    if (own != nullptr && own->heap == nullptr) own = nullptr;
    put_service_image(*question, own);
    if (own != nullptr) image = own;
  }
  if (image->heap == nullptr) {
    set_state(new_state(LuaHeap::alloc, heap_));
    if (main_ == nullptr) return false;
    return call_protected(
               main_,
               [](lua_State* L) {
                 fill_state(L, of(L).service_.node().environment, false, {}, nullptr);
                 return 0;
               },
               nullptr) == LUA_OK;
  }
  if (!image->heap->copy_to(heap_)) return false;
  set_state(static_cast<lua_State*>(image->heap->in_copy(heap_, image->main)));
#ifdef RUNTIME_LUA54
  *static_cast<LuaService**>(lua_getextraspace(main_)) = this;
#endif
  lua_setallocf(main_, LuaHeap::alloc, static_cast<LuaHeap*>(&heap_));
  return true;
}

void LuaService::load() {
  set_drain(drain_nothing);
  heap_.on_warning(on_memory_warning, this);
  heap_.on_exhausted(on_exhausted, this);
  ImageQuestion question;
  if (!begin_state(&question)) return loading_failed("not enough memory");
  lua_State* L = main_;
  FileNames files;
  lua_pushcfunction(L, l_traceback);
  lua_pushcfunction(L, l_turn);
  lua_pushcfunction(L, l_load);
  lua_pushlightuserdata(L, this);
  lua_pushlightuserdata(L, question.wants_files ? &files : nullptr);
  const int status = lua_pcall(L, 2, 0, kTraceback);
  end_ready_code(L);
  marks_.set_running(nullptr);
  if (status != LUA_OK) {
    const std::string text =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "the loader's error is no text";
    lua_pop(L, 1);
    return loading_failed(text.c_str());
  }
  if (const std::size_t limit = heap_.limit()) {
    service_.node().log(service_.handle(),
                        fmt::format("Set memory limit to {:.2f} M", megabytes(limit)));
  }
  if (question.wants_files) note_start(question, std::move(files));
}

void LuaService::loading_failed(const char* text) {
  Node& node = service_.node();
  const bool is_logger = service_.handle() == node.logger();
  // The log would lie in the mailbox of the service that has failed.
  if (is_logger) {
    std::fprintf(stderr, "%s\n", text);
  } else {
    node.log(service_.handle(), text);
  }
  std::string_view reason = text;
  if (reason.starts_with(kLoaderError)) reason.remove_prefix(kLoaderError.size());
  node.failures.note(service_.handle(), reason);
  const Handle launcher = node.names.find("launcher");
  if (launcher != 0 && !is_logger) {
    skynet_send(service_.context(), 0, launcher, kTypeText, 0, const_cast<char*>("ERROR"), 5);
  } else if (!keeps_running(node)) {
    // The log service, the bootstrap or the launcher itself: nothing would come of the node.
    node.failures.end_node(is_logger ? "Can't launch the log service" : reason);
    node.abort();
  }
  skynet_command(service_.context(), "EXIT", nullptr);
}

int LuaService::l_load(lua_State* L) {
  auto* self = static_cast<LuaService*>(lua_touserdata(L, 1));
  if (void* const files = lua_touserdata(L, 2)) record_files(L, static_cast<FileNames*>(files));
  lua_gc(L, LUA_GCSTOP, 0);
  lua_pushlightuserdata(L, self->service_.context());
  lua_setfield(L, LUA_REGISTRYINDEX, "skynet_context");
  Profiler::of(L).use(self->marks_);
  self->marks_.set_running(L);
  load_service_loader(L, self->service_.node().environment);
  lua_pushlstring(L, self->args_->data(), self->args_->size());
  self->args_.reset();
  lua_pushcfunction(L, l_traceback);
  lua_insert(L, -3);
  if (lua_pcall(L, 1, 0, -3) != LUA_OK) {
    lua_pushfstring(L, "%s%s", kLoaderError.data(), lua_tostring(L, -1));
    lua_error(L);
  }
  // On LuaJIT the next cycle begins when there is twice as much. On Lua 5.4 one would begin at once: a step of less than
  // nothing puts it off for so many KB, as a collection of a state of this size does (a fifth of it).
  lua_gc(L, LUA_GCRESTART, -1);
#ifdef RUNTIME_LUA54
  lua_gc(L, LUA_GCSTEP, -6);
#endif
  lua_getfield(L, LUA_REGISTRYINDEX, "memlimit");
  self->heap_.set_limit(static_cast<std::size_t>(lua_tonumber(L, -1)));
  self->has_limit_ = self->heap_.limit() != 0;
  return 0;
}

// ---- messages -----------------------------------------------------------------------------------

void LuaService::set_callback(lua_State* L, int index, bool forward) {
  if (lua_tocfunction(L, index) == l_dispatch_message && !forward) {
    set_drain(drain_tasks);
    return;
  }
  lua_pushvalue(L, index);
  luaL_unref(L, LUA_REGISTRYINDEX, callback_);
  callback_ = luaL_ref(L, LUA_REGISTRYINDEX);
  forward_ = forward;
  set_drain(drain_callback);
}

void LuaService::drain_tasks(Service&, void* userdata, Turn& turn) {
  auto* self = static_cast<LuaService*>(userdata);
  lua_State* L = self->main_;
  const OnThread on_thread(self);
  Frame frame{&turn, {}};
#ifdef RUNTIME_LUAJIT
  if (self->heat_.begin_turn(L)) [[unlikely]]
    self->heap_.share_tail();
#endif
  // Without a limit on the heap nothing on the way of a common message raises outside of its
  // coroutine, and a lua_pcall would be a tenth of its cost.
  if (!self->has_limit_) {
    // But for memory that the machine does not have, and on LuaJIT finalizers, whose errors it
    // passes on to whoever made the collector run. LuaJIT raises as C++ does
    // (luajit.org/extensions.html, "C++ Exception Interoperability"); Lua 5.4 calls the panic
    // function, which throws. Either costs nothing as long as nothing is raised.
#ifdef RUNTIME_LUA54
    try {
      if (self->run_bare(frame)) return;
    } catch (const Unprotected&) {
      // Lua has taken the main thread back to its beginning: nothing but the error is on its stack.
      lua_settop(L, 0);
      lua_pushcfunction(L, l_traceback);
      lua_pushcfunction(L, l_turn);
      lua_pushnil(L);
      self->give_up(LUA_ERRMEM, frame);
    }
#else
    try {
      if (self->run_bare(frame)) return;
    } catch (...) {
      self->give_up(LUA_ERRRUN, frame);
    }
#endif
  }
  for (;;) {
    const int status = self->enter_turn(frame);
    if (status == LUA_OK) [[likely]]
      return;
    // Where there is not even the memory to begin, each message is refused as it comes.
    if (!frame.entered && !frame.holds_message && !turn.next_given(&frame.message)) {
      lua_settop(L, kBase);
      return;
    }
    frame.holds_message = frame.holds_message || !frame.entered;
    self->give_up(status, frame);
  }
}

int LuaService::enter_turn(Frame& frame) {
  lua_settop(main_, kBase);
  frame_ = &frame;
  frame.entered = false;
  lua_pushvalue(main_, kTurn);
  return lua_pcall(main_, 0, 0, kTraceback);
}

// After an error that has left its message on the stack: reports it, and answers the request that
// was being handled.
void LuaService::give_up(int status, Frame& frame) {
  report(status, frame.message);
  tasks_->refuse(frame.message);
  if (frame.holds_message) free_given(frame.message.data);
  frame.holds_message = false;
  settle_first_ = true;
  if (pending_.load(std::memory_order_relaxed) != 0) after_pending();
}

inline void LuaService::after_message(Frame& frame) {
  const Message& message = frame.message;
  // What others have for a size need not be that of the block.
  if (message.type() == kTypeLua || message.type() == kTypeResponse) [[likely]] {
    reuse_given(message.data, message.size());
  } else {
    free_given(message.data);
  }
  if (tasks_->has_errors() || pending_.load(std::memory_order_relaxed) != 0) [[unlikely]]
    after_trouble(frame);
}

// Handles messages until the turn ends. False: the frame holds one that needs a protected call. The main thread, whose
// stack has kBase values between two turns, is looked at only by what a message needs it for.
bool LuaService::run_bare(Frame& frame) {
  lua_State* L = main_;
  const std::uint32_t version = callback_version_;
  while (frame.turn->next_given(&frame.message)) {
    frame.holds_message = true;
    if (frame.message.type() == kTypeSocket) {
      frame.turn->fetch_ahead();
      take_bytes(datagram_bytes(frame.message));
    }
    if (!tasks_->handle(L, frame.message, TaskScheduler::Entry::bare)) [[unlikely]]
      return false;
    frame.holds_message = false;
    after_message(frame);
    if (callback_version_ != version) [[unlikely]]
      break;
  }
  return true;
}

// Handles messages until the turn ends: one entry into Lua for all of them.
int LuaService::l_turn(lua_State* L) {
  LuaService& self = of(L);
  Frame& frame = *self.frame_;
  TaskScheduler& tasks = *self.tasks_;
  frame.entered = true;
  if (std::exchange(self.settle_first_, false)) {
    tasks.settle(L);
    if (tasks.has_errors()) self.log_error(frame.message, tasks.take_errors());
  }
  const std::uint32_t version = self.callback_version_;
  for (;;) {
    if (!frame.holds_message) {
      if (!frame.turn->next_given(&frame.message)) break;
      take_bytes(datagram_bytes(frame.message));
    }
    frame.holds_message = true;
    tasks.handle(L, frame.message, TaskScheduler::Entry::protected_call);
    frame.holds_message = false;
    self.after_message(frame);
    if (self.callback_version_ != version) break;
  }
  return 0;
}

void LuaService::after_trouble(Frame& frame) {
  if (tasks_->has_errors()) log_error(frame.message, tasks_->take_errors());
  if (pending_.load(std::memory_order_relaxed) != 0) after_pending();
}

// Forgets a signal that came too late to interrupt anything, and collects what a message has left
// that ran out of memory. Lua 5.4 does that itself when an allocation fails, LuaJIT only when there
// is twice as much as after the last time: below its limit it may never come to that.
void LuaService::after_pending() {
  if ((pending_.exchange(0, std::memory_order_relaxed) & kExhausted) == 0) return;
#ifdef RUNTIME_LUAJIT
  if (step_multiplier_ != 0) lua_gc(main_, LUA_GCSETSTEPMUL, std::exchange(step_multiplier_, 0));
  const bool stopped = lua_gc(main_, LUA_GCISRUNNING, 0) == 0;
#endif
  // Even the collector of LuaJIT asks for a little; and a finalizer may raise.
  heap_.lend(kLentToCollector);
  call_protected(
      main_,
      [](lua_State* L) {
        lua_gc(L, LUA_GCCOLLECT, 0);
        return 0;
      },
      nullptr);
  heap_.lend(0);
#ifdef RUNTIME_LUAJIT
  if (stopped) lua_gc(main_, LUA_GCSTOP, 0);
#endif
  pending_.fetch_and(static_cast<std::uint8_t>(~kExhausted), std::memory_order_relaxed);
}

void LuaService::drain_callback(Service&, void* userdata, Turn& turn) {
  auto* self = static_cast<LuaService*>(userdata);
  lua_State* L = self->main_;
  const OnThread on_thread(self);
  const std::uint32_t version = self->callback_version_;
  for (Message message; turn.next(&message);) {
    const bool forward = self->forward_;
    lua_settop(L, kBase);
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->callback_);
    lua_pushinteger(L, message.type());
    lua_pushlightuserdata(L, message.data);
    lua_pushinteger(L, static_cast<lua_Integer>(message.size()));
    lua_pushinteger(L, message.session);
    lua_pushinteger(L, message.source);
    self->marks_.set_running(L);
    const int status = lua_pcall(L, 5, 0, kTraceback);
    self->marks_.set_running(nullptr);
    if (status != LUA_OK) {
      self->report(status, message);
      if (self->tasks_ != nullptr) self->tasks_->refuse(message);
    }
    if (!forward) message.free_payload();
    if (self->pending_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      self->after_pending();
    if (self->callback_version_ != version) return;
  }
}

// Logs what lua_pcall has left on the stack.
void LuaService::report(int status, const Message& message) {
  lua_State* L = main_;
  const auto short_form = [&](const char* what) {
    service_.node().log(service_.handle(),
                        fmt::format("{} : [{:x} to :{:x} : {}]", what, message.source,
                                    service_.handle(), message.session));
  };
  if (status == LUA_ERRMEM) {
    short_form("lua memory error");
  } else if (status == LUA_ERRERR) {
    short_form("lua error in error");
  } else {
    std::size_t size = 0;
    const char* text = lua_tolstring(L, -1, &size);
    log_error(message, std::string(text ? text : "?", text ? size : 1));
  }
  lua_settop(L, kBase);
}

void LuaService::log_error(const Message& message, const std::string& text) {
  service_.node().log(
      service_.handle(),
      fmt::format("lua call [{:x} to :{:x} : {} msgsz = {}] error : \x1b[31m{}\x1b[0m",
                  message.source, service_.handle(), message.session, message.size(), text));
}

// ---- signals and memory -------------------------------------------------------------------------

void LuaService::on_memory_warning(void* userdata, std::size_t used) {
  auto* self = static_cast<LuaService*>(userdata);
  self->service_.node().log(self->service_.handle(),
                            fmt::format("Memory warning {:.2f} M", megabytes(used)));
}

// An allocation is about to fail: the collector is to run after this message. On LuaJIT, which does
// not collect when it has to, also at the next step: all of a cycle (a multiplier of 0), so that
// whoever has caught the error can go on. Both calls only set fields.
void LuaService::on_exhausted(void* userdata) {
  auto* self = static_cast<LuaService*>(userdata);
  self->pending_.fetch_or(kExhausted, std::memory_order_relaxed);
#ifdef RUNTIME_LUAJIT
  lua_State* L = self->main_;
  if (L == nullptr) return;
  settle_trace(L);
  if (lua_gc(L, LUA_GCISRUNNING, 0) == 0) return;
  const int before = lua_gc(L, LUA_GCSETSTEPMUL, 0);
  if (before != 0) self->step_multiplier_ = before;
  lua_gc(L, LUA_GCRESTART, 0);
#endif
}

void LuaService::on_signal(lua_State* L, lua_Debug*) {
  lua_sethook(L, nullptr, 0, 0);
  // A hook that was set a moment too late must not hit the next message.
  const auto others = static_cast<std::uint8_t>(~kInterrupt);
  if (of(L).pending_.fetch_and(others) & kInterrupt) luaL_error(L, "signal 0");
}

void LuaService::signal(int signal) {
  Node& node = service_.node();
  node.log(service_.handle(), fmt::format("recv a signal {}", signal));
  if (signal == 0) {
    if (lua_State* running = marks_.running()) {
      pending_.fetch_or(kInterrupt, std::memory_order_relaxed);
      // Setting a hook is what Lua allows from outside of the thread that runs the state.
      lua_sethook(running, on_signal, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    }
  } else if (signal == 1) {
    node.log(service_.handle(),
             fmt::format("Current Memory {:.3f}K", static_cast<double>(heap_.used()) / 1024));
  }
}

// Declared in lua_host.h for either engine.
std::unique_ptr<LuaHost> make_lua_host(Service& service) {
  return std::make_unique<LuaService>(service);
}

}  // namespace runtime::RUNTIME_ENGINE
