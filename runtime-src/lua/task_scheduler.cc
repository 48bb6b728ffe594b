#include "lua/task_scheduler.h"

#include "core/multicast_package.h"
#include "core/node.h"
#include "core/socket_message.h"
#include "lua/builtin_modules.h"
#include "lua/lua_service.h"
#include "lua/module_search.h"
#include "lua/raw_stack.h"
#include "lua/seri.h"
#include "lua/seri_plain.h"
#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// A coroutine that has not begun, or has ended, has room for LUA_MINSTACK values: so many need no
// look. One that has yielded may have none, as LuaJIT's coroutine.yield is no function in C.
constexpr int kSurelyFit = 10;

// Instead of the number of values of a request:
constexpr int kMayRaise = -1;   // it needs a protected call
constexpr int kUnhandled = -2;  // nothing handles it, and that has been dealt with
constexpr int kOther = -3;      // it takes another way

// Pushes what `ref` stands for. While that is nothing, the module is loaded, which hands it over.
void push_hook(lua_State* L, const int& ref, const char* module) {
  if (ref == LUA_NOREF) {
    require_module(L, module);
    lua_pop(L, 1);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
}

// Makes an error of what a coroutine has yielded to the scheduler, at the top of its stack.
int l_unknown_command(lua_State* L) {
  auto* co = static_cast<lua_State*>(lua_touserdata(L, 1));
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  lua_pushfstring(L, "Unknown command : %s", luaL_tolstring(L, -1, nullptr));
  lua_xmove(L, co, 1);
  return 0;
}

}  // namespace

TaskScheduler::TaskScheduler(Service& service, lua_State* L, Profiler::Marks& marks)
    : service_(service),
      registry_(raw_values_known() ? &raw_table(L, LUA_REGISTRYINDEX) : nullptr),
      marks_(marks),
      main_(L) {}

TaskScheduler::~TaskScheduler() {
  for (Task* task : tasks_) free_task(task);
}

// ---- sessions and tasks -------------------------------------------------------------------------

std::int32_t TaskScheduler::new_session() {
  std::int32_t session = service_.new_session();
  if (session < last_session_) session_wrapped_ = true;
  // An id that somebody still waits for is not given out again.
  while (session_wrapped_ && sessions_.find(session) != nullptr) session = service_.new_session();
  last_session_ = session;
  return session;
}

void TaskScheduler::wait_for(std::int32_t session, Wait wait) {
  // A plain coroutine of the task may have swallowed an earlier yield.
  if (current_->wait != Wait::nothing) drop_wait(current_, true);
  current_->waits_for = session;
  current_->wait = wait;
  sessions_.put({.session = session, .task = current_});
}

Task* TaskScheduler::take(lua_State* L) {
  if (idle_ == nullptr) return make_task(L);
  Task* const task = pop_idle();
  if (idle_count_ < least_idle_) least_idle_ = idle_count_;
  return task;
}

[[gnu::always_inline]] inline void TaskScheduler::recycle_ended(Task* task) {
  task->request = Request::none;
  task->session = 0;
  task->traced = false;
  if (idle_count_ < idle_limit_) [[likely]] {
    push_idle(task);
  } else {
    dropped_idle_ = true;
    discard(main_, task);
  }
  if (++recycled_ % kReview == 0 && idle_limit_ > kIdleTasks) [[unlikely]]
    review_idle();
}

void TaskScheduler::recycle(Task* task) { recycle_ended(task); }

// ---- running a task -----------------------------------------------------------------------------

// resume() where most messages come: the registers of the caller do.
template <TaskScheduler::Stack stack>
[[gnu::always_inline]] inline void TaskScheduler::run(lua_State* L, Task* task, int values) {
  if (stack == Stack::plain && task->traced && lua_status(task->co) == LUA_YIELD) [[unlikely]]
    trace(L, "resume", task);
  current_ = task;
  suspending_ = false;
  int results;
  const int status = stack == Stack::framed ? marks_.resume_framed(task->co, L, values, &results)
                                            : marks_.resume(task->co, L, values, &results);
  current_ = nullptr;
  call_failed_ = false;
  if (status == LUA_YIELD && suspending_ && results == 0) return;
  if (status != LUA_OK || results != 0 || exited_) [[unlikely]]
    return stopped(L, task, status, results);
  ended(L, task);
}

inline void TaskScheduler::ended(lua_State* L, Task* task) {
  if (task->wait != Wait::nothing)
    drop_wait(task, true);  // a plain coroutine of its own swallowed the yield
  if (task->traced) [[unlikely]]
    trace(L, "end", task);
  if (task->request == Request::open && task->session != 0) [[unlikely]] {
    warn_forgotten(L, task);
    forget(*task);
  }
  recycle_ended(task);
}

void TaskScheduler::drop_wait(Task* task, bool message_will_come) {
  if (task->waits_for != 0 && task->wait != Wait::bytes) {
    if (WaitEntry* entry = sessions_.find(task->waits_for)) {
      if (message_will_come) {
        entry->task = nullptr;
      } else {
        sessions_.erase(entry);
      }
    }
  }
  task->waits_for = 0;
  if (task->bytes != nullptr) [[unlikely]]
    drop_reader(task);
  task->own_token = false;
  if (task->table_token) {
    task->table_token = false;
    --tokens_;
    lua_rawgeti(main_, LUA_REGISTRYINDEX, refs.tokens);
    lua_rawgeti(main_, LUA_REGISTRYINDEX, task->token_anchor);
    lua_pushnil(main_);
    lua_rawset(main_, -3);
    lua_pop(main_, 1);
    lua_pushboolean(main_, 0);
    lua_rawseti(main_, LUA_REGISTRYINDEX, task->token_anchor);
  }
  task->wait = Wait::nothing;
  task->callee = 0;
  task->calls_name = false;
}

// ---- the dispatcher -----------------------------------------------------------------------------

bool TaskScheduler::handle(lua_State* L, Message& message, Entry entry) {
  bool handled;
  switch (message.type()) {
    case kTypeResponse: handled = on_response(L, message, entry); break;
    case kTypeError: handled = on_error(L, message, entry); break;
    default: handled = on_request(L, message, entry);
  }
  if (has_queued_) settle(L);
  return handled;
}

void TaskScheduler::settle(lua_State* L) {
  for (;;) {
    if (!woken_.empty()) {
      run_woken(L);
    } else if (!failed_.empty()) {
      run_failed(L);
    } else if (!forks_.empty()) {
      run_fork(L);
    } else {
      has_queued_ = false;
      return;
    }
  }
}

bool TaskScheduler::on_response(lua_State* L, const Message& message, Entry entered) {
  WaitEntry* entry = sessions_.find(message.session);
  if (entry == nullptr) [[unlikely]] {
    if (entered == Entry::bare) return false;
    push_hook(L, refs.unknown_response, "skynet.unknown");
    lua_pushinteger(L, message.session);
    lua_pushinteger(L, message.source);
    lua_pushlightuserdata(L, message.data);
    lua_pushinteger(L, static_cast<lua_Integer>(message.size()));
    lua_call(L, 4, 0);
    return true;
  }
  Task* task = entry->task;
  const std::int32_t function = entry->function;
  sessions_.erase(entry);
  if (function != 0) {
    start_function(L, function);
    return true;
  }
  if (task == nullptr) return true;  // its wait has ended
  task->waits_for = 0;
  if (task->wait == Wait::reply) {
    const int given = give_plain_reply(task, message);
    if (given >= 0) [[likely]] {
      drop_wait(task, false);
      run<Stack::plain>(L, task, given);
      return true;
    }
  }
  bool is_reply = false;
  const int values = push_awaited(L, *task, message, &is_reply);
  drop_wait(task, false);
  resume(L, task, give_values(L, task, values, is_reply));
  return true;
}

bool TaskScheduler::on_error(lua_State* L, const Message& message, Entry entry) {
  if (message.session != 0) {
    fail_call(message.session, {static_cast<const char*>(message.data), message.size()});
    return true;
  }
  if (responses && entry == Entry::bare) return false;
  fail_calls_to(message.source);
  if (responses) {
    push_hook(L, refs.dead, "skynet.response");
    lua_pushinteger(L, message.source);
    lua_call(L, 1, 0);
  }
  return true;
}

// The task's coroutine has the function, the session and the source, and the message's values.
template <TaskScheduler::Stack stack>
[[gnu::always_inline]] inline void TaskScheduler::begin_request(lua_State* L, Task* task,
                                                                const Message& message,
                                                                int values) {
  // The session of a published message is its channel: nobody waits for an answer.
  task->request = message.type() == kTypeMulticast ? Request::closed : Request::open;
  task->session = message.session;
  task->source = message.source;
  task->type = static_cast<std::uint8_t>(message.type());
  if (stack == Stack::plain && tracing) trace(L, "request", task);
  run<stack>(L, task, values + 2);
}

// The main thread's stack is not touched, so that for a service that has a message now and then it need not come into the
// caches.
inline bool TaskScheduler::start_plain_request(lua_State* L, const Message& message) {
  // Known strings mean that raw values are known.
  if (idle_ == nullptr || strings_ == nullptr || registry_ == nullptr || tracing) [[unlikely]]
    return false;
  lua_State* const co = idle_->co;
  RawThread& thread = raw_thread(co);
  begin_frame(co, lua_protocol.handler);
  thread.top[0] = RawValue::of(std::int64_t{message.session});
  thread.top[1] = RawValue::of(std::int64_t{message.source});
  thread.top += 2;
  const int values = unpack_plain(co, message.data, message.size(), strings_.get());
  if (values < 0) {
    thread.top -= 2 + kBeforeArguments;
    return false;
  }
  begin_request<Stack::framed>(L, take(L), message, values);
  return true;
}

bool TaskScheduler::on_request(lua_State* L, Message& message, Entry entry) {
  if (exited_) {
    service_.node().close_unhandled(message);
    refuse(message);
    return true;
  }
  if (message.type() == kTypeLua && lua_protocol.has_dispatch) [[likely]] {
    if (start_plain_request(L, message)) [[likely]]
      return true;
    const int values = push_lua_request(L, message);
    if (values >= 0) [[likely]] {
      start_request(L, message, values);
      return true;
    }
  }
  const int top = lua_gettop(L);
  if (is_received(message)) {
    if (feed_reader(L, message)) return true;
    message = event_of(message);
  }
  if (entry == Entry::bare && needs_protection_.test(static_cast<std::size_t>(message.type())))
    return false;
  int values = kOther;
  if (message.type() == kTypeMulticast && refs.channels != LUA_NOREF) {
    values = push_published(L, message, entry);
    if (values == kOther) lua_settop(L, top);
  }
  if (values == kOther) values = push_request(L, message, entry);
  if (values >= 0) start_request(L, message, values);
  lua_settop(L, top);
  return values != kMayRaise;
}

int TaskScheduler::push_lua_request(lua_State* L, const Message& message) {
  if (registry_ != nullptr) [[likely]] {
    push_value(L, lua_protocol.handler);
  } else {
    push_reference(L, lua_protocol.dispatch);
  }
  push_number(L, message.session);
  push_number(L, message.source);
  UnpackError error;
  const int values = unpack(L, message.data, message.size(), &error, known_strings());
  if (values < 0) lua_pop(L, 3);
  return values;
}

void TaskScheduler::push_reference(lua_State* L, int reference) const {
  const auto index = static_cast<std::size_t>(reference) - 1;
  if (registry_ != nullptr && index < registry_->array_size()) [[likely]] {
    push_value(L, registry_->array()[index]);
  } else {
    stock_lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  }
}

// Null for a service that has had few requests.
KnownStrings* TaskScheduler::known_strings() {
  if (strings_ == nullptr && ++requests_ == kFewRequests) [[unlikely]]
    strings_ = std::make_unique<KnownStrings>();
  return strings_.get();
}

// The object, the source and the values; kOther unless all of it is as it usually is.
int TaskScheduler::push_published(lua_State* L, const Message& message, Entry entry) {
  MulticastPackage* const package = package_in(message.data, message.size());
  if (package == nullptr) return kOther;
  const int channels = lua_gettop(L) + 1;
  const int object = channels + 1;
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, refs.channels);
  stock_lua_rawgeti(L, channels, message.session);
  std::int32_t left;
  if (!lua_istable(L, object)) {  // nobody has subscribed, or no longer
    close_package(package, &left);
    return kUnhandled;
  }
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, refs.channel_unpack);
  stock_lua_rawget(L, object);
  if (lua_tocfunction(L, -1) != l_unpack) return kOther;
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, refs.channel_dispatch);
  stock_lua_rawget(L, object);
  if (lua_isnil(L, -1)) return kOther;
  lua_replace(L, channels);  // now the function that is called
  lua_settop(L, object);
  lua_pushinteger(L, message.source);
  UnpackError error;
  const int values = unpack(L, package->data, package->size, &error);
  if (values < 0 && entry == Entry::bare) return kMayRaise;
  close_package(package, &left);
  if (values < 0) {
    push_unpack_error(L, error);
    lua_error(L);
  }
  return values;
}

int TaskScheduler::push_request(lua_State* L, const Message& message, Entry entry) {
  const int protocol = lua_gettop(L) + 2;
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, refs.protocols);
  stock_lua_rawgeti(L, -1, message.type());
  if (!lua_istable(L, protocol)) {
    if (entry == Entry::bare) return kMayRaise;
    on_unhandled(L, message, false);
    return kUnhandled;
  }
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, refs.dispatch);
  stock_lua_rawget(L, protocol);
  if (lua_isnil(L, -1)) {
    if (entry == Entry::bare) return kMayRaise;
    on_unhandled(L, message, true);
    return kUnhandled;
  }
  lua_pushinteger(L, message.session);
  lua_pushinteger(L, message.source);
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, refs.unpack);
  stock_lua_rawget(L, protocol);
  const int unpacker = lua_gettop(L);
  if (lua_tocfunction(L, unpacker) == l_unpack) {
    lua_pop(L, 1);
    UnpackError error;
    const int values = unpack(L, message.data, message.size(), &error);
    if (values < 0 && entry == Entry::protected_call) {
      push_unpack_error(L, error);
      lua_error(L);
    }
    return values < 0 ? kMayRaise : values;
  }
  // Its own. What may raise needs protection, and so do further messages of the protocol.
  if (entry == Entry::bare && lua_tocfunction(L, unpacker) != socket_unpack) {
    needs_protection_.set(static_cast<std::size_t>(message.type()));
    return kMayRaise;
  }
  // An event holds a pointer, which unpack believes; and that of sockets raises for what is shorter than one.
  if (message.type() == kTypeSocket && socket_event(message) == nullptr) {
    if (entry == Entry::bare) return kMayRaise;
    luaL_error(L, "this is no socket message: it is not from the network");
  }
  lua_pushlightuserdata(L, message.data);
  lua_pushinteger(L, static_cast<lua_Integer>(message.size()));
  lua_call(L, 2, LUA_MULTRET);
  return lua_gettop(L) - unpacker + 1;
}

void TaskScheduler::start_request(lua_State* L, const Message& message, int values) {
  Task* task = take(L);
  const int all = values + 3;
  if (all > kSurelyFit && !lua_checkstack(task->co, all)) {
    recycle(task);
    luaL_error(L, "too many values in a message");
  }
  move_values(L, task->co, all);
  begin_request<Stack::plain>(L, task, message, values);
}

void TaskScheduler::on_unhandled(lua_State* L, const Message& message, bool known) {
  if (message.type() == kTypeTrace) {
    tracing = true;
    push_hook(L, refs.trace, "skynet.trace");
    lua_pushliteral(L, "tag");
    lua_pushinteger(L, message.source);
    lua_pushlstring(L, static_cast<const char*>(message.data), message.size());
    lua_call(L, 3, 0);
    return;
  }
  if (message.session != 0) {
    answer_error(message.source, message.session);
    return;
  }
  push_hook(L, refs.unknown_request, "skynet.unknown");
  lua_pushinteger(L, 0);
  lua_pushinteger(L, message.source);
  lua_pushlightuserdata(L, message.data);
  lua_pushinteger(L, static_cast<lua_Integer>(message.size()));
  if (known) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, refs.protocols);
    lua_rawgeti(L, -1, message.type());
    lua_getfield(L, -1, "name");
    lua_replace(L, -3);
    lua_pop(L, 1);
  } else {
    lua_pushinteger(L, message.type());
  }
  lua_call(L, 5, 0);
}

// ---- running tasks ------------------------------------------------------------------------------

void TaskScheduler::resume(lua_State* L, Task* task, int values) {
  run<Stack::plain>(L, task, values);
}

// What a task seldom does when it has run.
void TaskScheduler::stopped(lua_State* L, Task* task, int status, int results) {
  if (status == LUA_OK) {
    if (results != 0) lua_settop(task->co, 0);
    if (exited_) return close_all(L, task);
    ended(L, task);
  } else if (status != LUA_YIELD) {
    raised(L, task);
    if (exited_) close_blocked(L);
  } else if (suspending_) {
    lua_pop(task->co, results);
  } else if (exited_) {
    close_all(L, task);
  } else if (results == 0) {
    // coroutine.yield() by hand: nobody will resume it. Whoever holds the coroutine may look at
    // it.
    drop_wait(task, true);
    if (task->request == Request::open) forget(*task);
    discard(L, task);
  } else {
    call_protected(L, l_unknown_command, task->co);
    raised(L, task);
  }
}

void TaskScheduler::run_woken(lua_State* L) {
  Task* task = woken_.front();
  // May raise: it is still the one to be resumed then.
  int values = task->wait == Wait::bytes ? push_bytes(L, task) : 0;
  woken_.pop();
  task->woken = false;
  const bool sleeping = task->wait == Wait::timer;
  drop_wait(task, sleeping);
  if (sleeping) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, refs.interrupted);
    values = 1;
  }
  if (values != 0) move_values(L, task->co, values);
  resume(L, task, values);
}

void TaskScheduler::run_failed(lua_State* L) {
  Task* task = failed_.pop();
  task->failed = false;
  const std::int32_t session = task->waits_for;
  const bool answer = task->wait == Wait::answer;
  drop_wait(task, false);
  int values;
  if (answer) {
    lua_pushboolean(L, 0);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushinteger(L, session);
    values = 4;
  } else {
    if (task->why_failed != nullptr) failure_text_ = std::move(*task->why_failed);
    values = push_failure(L);
  }
  task->why_failed.reset();
  move_values(L, task->co, values);
  resume(L, task, values);
}

void TaskScheduler::run_fork(lua_State* L) {
  Task* task = forks_.pop();
  resume(L, task, lua_gettop(task->co) - 1);
}

void TaskScheduler::wake(Task* task) {
  if (std::exchange(task->woken, true)) return;
  queue(woken_, task);
}

int TaskScheduler::l_trace(lua_State* L) {
  const Event event = *static_cast<const Event*>(lua_touserdata(L, 1));
  push_hook(L, LuaService::of(L).tasks()->refs.trace, "skynet.trace");
  lua_pushstring(L, event.name);
  push_coroutine(L, event.task->co);
  lua_pushinteger(L, event.task->source);
  lua_pushinteger(L, event.task->type);
  if (event.callee_name != nullptr) {
    lua_pushstring(L, event.callee_name);
  } else {
    lua_pushinteger(L, event.callee);
  }
  lua_call(L, 5, 1);
  event.task->traced = lua_toboolean(L, -1);
  return 0;
}

void TaskScheduler::trace(lua_State* L, const char* name, Task* task, Handle callee,
                          const char* callee_name) {
  Event event{name, task, callee, callee_name};
  if (call_protected(L, l_trace, &event) != LUA_OK) task->traced = false;
}

}  // namespace runtime::RUNTIME_ENGINE
