// CPU time of single coroutines, for those that ask (skynet.profile).
//
// A coroutine's time runs while it runs, and while coroutines that it has resumed run; not while it
// is suspended. Whoever resumes coroutines of the state does it through resume() below.
//
// Threads: the worker that runs the state. A coroutine may go on on another worker: each stretch
//          between a resume and the next yield is on one, and is measured there.
#pragma once

#include <atomic>
#include <cstdint>

#include "lua/engine.h"
#include "lua/raw_stack.h"

namespace runtime::RUNTIME_ENGINE {

class Profiler {
 public:
  // The state's own; it lives as long as the state. Raises when memory runs out.
  static Profiler& of(lua_State* L);
  // The same, left on the stack: a userdata.
  static Profiler& push(lua_State* L);

  // What is looked at, and written, each time a coroutine is resumed.
  class Marks {
   public:
    // The coroutine that runs now, so that it can be interrupted; null while none does. running()
    // from any thread.
    lua_State* running() const { return running_.load(std::memory_order_relaxed); }
    void set_running(lua_State* L) { running_.store(L, std::memory_order_relaxed); }

    // lua_resume() with the time taken. Little more than that when no coroutine is measured.
    int resume(lua_State* co, lua_State* from, int arguments, int* results) {
      return timed(co, from, [=] { return lua_resume(co, from, arguments, results); });
    }
    // The same for resume_frame() (raw_stack.h).
    int resume_framed(lua_State* co, lua_State* from, int arguments, int* results) {
      return timed(co, from, [=] { return resume_frame(co, from, arguments, results); });
    }

   private:
    friend class Profiler;

    // The status that `resume` gives.
    template <class Resume>
    [[gnu::always_inline]] int timed(lua_State* co, lua_State* from, Resume resume) {
      lua_State* outer = running();
      set_running(co);
      if (measures_) [[unlikely]]
        begin_time(co, from);
      const int status = resume();
      // Asked again: the coroutine may have begun its own measurement, as the first one of the state.
      if (measures_) [[unlikely]]
        end_time(co, from);
      set_running(outer);
      return status;
    }

    std::atomic<lua_State*> running_{nullptr};
    bool measures_ = false;  // some coroutines
  };

  // A service has the marks of its state with what else each message needs; they outlive the state. Other states have
  // their own.
  void use(Marks& marks) { marks_ = &marks; }
  Marks& marks() { return marks_ != nullptr ? *marks_ : own_marks_; }

  // How many coroutines the running one is in, counted by coroutine.resume and coroutine.wrap.
  int depth = 0;

  // Begins to measure `co`. False if that has begun before. May raise (memory).
  bool start(lua_State* L, lua_State* co);

  // Ends it and gives the time in seconds; negative if it was not begun.
  double stop(lua_State* L, lua_State* co);

 private:
  // Before and after `co` runs; `from` is the coroutine that resumes it. Nothing if it is not
  // measured.
  static void begin_time(lua_State* co, lua_State* from);
  static void end_time(lua_State* co, lua_State* from);

  // True as long as there are coroutines in the table of times: the dead in it count until the next
  // start() or stop().
  void set_measures(bool measures) { marks().measures_ = measures; }

  Marks* marks_ = nullptr;  // null: its own
  Marks own_marks_;
};

}  // namespace runtime::RUNTIME_ENGINE
