// A loop that waits for descriptors, as workers see it.
//
// It has a thread of its own. When few descriptors are at work, what one of them brings is for a
// worker that sleeps, and to wake it costs more than all the rest. So the thread offers its loop,
// and a worker without work turns it in its place: the worker sleeps until there is something, and
// then runs what that is for. The thread takes the loop back when no worker turns it.
//
// Threads: borrow() and wake() from any; the rest from the one that has borrowed the loop.
#pragma once

namespace runtime {

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Whether the caller has the loop from now on: it was offered, and free.
  [[nodiscard]] virtual bool borrow() = 0;
  // One turn: waits until there is something (`block`), or only looks; then handles what there is.
  // wait() gives whether there is something; it may be called again before handle().
  virtual bool wait(bool block) = 0;
  virtual void handle() = 0;
  // After each turn one of these: the next turn is for any worker, or for the loop's own thread, as
  // the caller does not come to it.
  virtual void put_back() = 0;
  virtual void give_back() = 0;
  // Ends the wait() of this moment, or the next one.
  virtual void wake() = 0;
};

}  // namespace runtime
