// One Lua service: its state, its memory, and how messages enter it.
//
// Threads: the worker that runs the service, but for signal().
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/lua_heap.h"
#include "core/service.h"
#include "core/turn.h"
#include "lua/engine.h"
#include "lua/jit_heat.h"
#include "lua/lua_host.h"
#include "lua/profiler.h"
#include "lua/raw_stack.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

struct ImageQuestion;
struct StateImage;

// A message handler for lua_pcall and xpcall: the error as a text, with its traceback.
int l_traceback(lua_State* L);

class alignas(128) LuaService : public LuaHost {
 public:
  explicit LuaService(Service& service);
  ~LuaService() override;

  void start(std::string args) override;
  void signal(int signal) override;

  // The service that a state belongs to. Not for states that belong to none.
  static LuaService& of(lua_State* L) {
#ifdef RUNTIME_LUA54
    // Every coroutine has a copy of the main thread's.
    return **static_cast<LuaService**>(lua_getextraspace(L));
#else
    // What all coroutines of the state share is on a line of the caches that nothing else on the way of a message needs.
    if (current != nullptr && current->global_ == raw_thread(L).global) [[likely]]
      return *current;
    return *static_cast<Heap*>(static_cast<LuaHeap*>(allocator_data(L)))->service;
#endif
  }

  Service& service() { return service_; }
  lua_State* main() { return main_; }
  LuaHeap& heap() { return heap_; }

  // What runs the tasks of skynet.lua; null until that is loaded, which makes it.
  TaskScheduler* tasks() { return tasks_; }
  TaskScheduler& make_tasks();

  // Makes the function at `index` handle the messages from the next one on: f(type, message, size,
  // session, source). With `forward` the message's memory is f's; else it is freed when f has
  // returned.
  void set_callback(lua_State* L, int index, bool forward);

 private:
  struct Owner {
    LuaService* service;
  };
  struct Heap : Owner, LuaHeap {};
  struct Frame;
  static constexpr std::uint8_t kInterrupt = 1;  // a signal is to end the handling of this message
  static constexpr std::uint8_t kExhausted = 2;  // an allocation has failed

  static void drain_load(Service& service, void* self, Turn& turn);
  static void drain_tasks(Service& service, void* self, Turn& turn);
  static void drain_callback(Service& service, void* self, Turn& turn);
  static void drain_nothing(Service& service, void* self, Turn& turn);
  static int l_load(lua_State* L);
  static int l_turn(lua_State* L);
  static void on_signal(lua_State* L, lua_Debug* info);
  static void on_memory_warning(void* self, std::size_t used);

  static void on_exhausted(void* self);
  void after_pending();
  bool run_bare(Frame& frame);
  void give_up(int status, Frame& frame);
  int enter_turn(Frame& frame);
  [[gnu::always_inline]] void after_message(Frame& frame);
  [[gnu::noinline]] void after_trouble(Frame& frame);
  void set_state(lua_State* L);
  void end_tasks();
  bool begin_state(ImageQuestion* question);
  struct ImageHeap;
  lua_State* new_state(lua_Alloc alloc, LuaHeap& heap);
  std::shared_ptr<const StateImage> make_image(const std::vector<std::string>& files);
  std::shared_ptr<const StateImage> try_image(bool with_skynet,
                                              const std::vector<std::string>& files);
  void load();
  void loading_failed(const char* text);
  void report(int status, const Message& message);
  void log_error(const Message& message, const std::string& text);
  void set_drain(Service::Drain drain);

#ifdef RUNTIME_LUAJIT
  // The service whose turn it is on this thread, if what its coroutines share is known.
  static inline constinit thread_local LuaService* current = nullptr;
#endif
  class OnThread;

  // What each message needs comes first: this and what the scheduler begins with are four lines of the caches, which the
  // processor fetches in pairs.
  lua_State* main_ = nullptr;
  TaskScheduler* tasks_ =
      nullptr;  // null: not made yet. It outlives the state, whose finalizers may still call it
#ifdef RUNTIME_LUAJIT
  const RawGlobal* global_ = nullptr;  // what the state's coroutines share; null: it is not known
#endif
  std::uint32_t callback_version_ = 0;
  std::atomic<std::uint8_t> pending_{0};  // kInterrupt, kExhausted: looked at after each message
  bool settle_first_ = false;             // the handling of the last message has raised
  bool forward_ = false;
  bool has_limit_ = false;  // its heap has one
#ifdef RUNTIME_LUAJIT
  JitHeat heat_;
#endif
  Profiler::Marks marks_;

  alignas(TaskScheduler) std::byte place_of_tasks_[sizeof(TaskScheduler)];
  Service& service_;
  Heap heap_;
  Frame* frame_ = nullptr;  // while l_turn runs
  int callback_ = LUA_NOREF;
#ifdef RUNTIME_LUAJIT
  int step_multiplier_ = 0;  // of the collector, until it has run; 0: it was not changed
#endif
  std::unique_ptr<const std::string> args_;  // until it is loaded
};

}  // namespace runtime::RUNTIME_ENGINE
