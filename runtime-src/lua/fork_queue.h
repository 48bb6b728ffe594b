// The forks of a service that have not begun, the oldest first.
//
// One whose coroutine nobody has asked for has none yet: it is a call, whose function and arguments wait on the stack of
// a coroutine of the queue. So forks that end at once run in one coroutine, one after the other.
//
// Threads:   the worker that runs the service.
// Ownership: the queue's coroutine holds what is called; the tasks are the scheduler's.
#pragma once

#include "base/ring_queue.h"
#include "lua/engine.h"
#include "lua/task.h"

namespace runtime::RUNTIME_ENGINE {

class ForkQueue {
 public:
  bool empty() const { return forks_.empty(); }

  void push(Task* task) { forks_.push({task}); }

  // Takes the function at `first`, and its arguments above it, off L's stack. False, with nothing done: a call of so many
  // values needs a task, or there is no room. May raise (memory).
  bool push_call(lua_State* L, int first);

  // Takes a task out, wherever it is. False: it is not there.
  bool erase(Task* task) { return forks_.erase({task}); }

  // The oldest one, which there has to be: whether it is a call; its task; what is called, moved onto the stack of `to`, an
  // ended coroutine of the same state. pop_call() gives the number of its arguments and does not raise.
  bool first_is_call() const { return forks_.front().task == nullptr; }
  Task* pop_task() { return forks_.pop().task; }
  int pop_call(lua_State* to);

  // Drops the oldest one, a call.
  void drop_call();

 private:
  // Values of a call, its function among them: an ended coroutine has room for so many.
  static constexpr int kMostValues = 8;
  static constexpr int kCompacted =
      256;  // values of calls that have begun, which are not worth a look

  struct Fork {
    Task* task = nullptr;  // null: a call
    int values = 0;        // of a call
    bool operator==(const Fork&) const = default;
  };
  void forget_first(int values);

  RingQueue<Fork> forks_;
  lua_State* calls_ = nullptr;  // made when it is needed
  int first_ = 1;               // index in its stack: of the oldest call
};

}  // namespace runtime::RUNTIME_ENGINE
