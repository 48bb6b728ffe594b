// What other threads ask an I/O thread to do.
//
// A stack that producers push onto with one atomic step, and that the consumer takes whole and
// turns round, so that it gets the commands in the order of the pushes. A special top says that the
// consumer sleeps: exactly one producer finds it there, and must wake the consumer. So a busy
// consumer is never woken, and no wake-up is lost.
//
// Threads: push() from any; the rest from the consumer.
#pragma once

#include <atomic>
#include <utility>

#include "core/message.h"
#include "net/resolver.h"

namespace runtime {

struct Command {
  enum class Kind {
    connect,  // to `resolved`
    start,    // in the name of `owner`
    pause,
    close,       // Socket::life is `closing`
    look,        // whether an accepted id has been started
    look_later,  // it has been given away
    bury,        // there are owners that have ended: DeadOwners
    orphan,      // `owner` was one of them
    settle,      // what a writer left to do: Socket::settle_queued is set
    read,        // from a file that is always ready
    stop,        // end the thread
  };
  Kind kind;
  int id = 0;
  Handle owner = 0;
  Resolved resolved = {};
  Command* next = nullptr;
};

class CommandQueue {
 public:
  CommandQueue() = default;
  ~CommandQueue() {
    Command* command = take();
    while (command != nullptr) delete std::exchange(command, command->next);
  }
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  // Takes `command`. True: the caller, and no other, must wake the consumer.
  [[nodiscard]] bool push(Command* command) {
    Command* top = top_.load(std::memory_order_relaxed);
    do {
      command->next = top == asleep() ? nullptr : top;
      // Release pairs with the acquire of take().
    } while (!top_.compare_exchange_weak(top, command, std::memory_order_release,
                                         std::memory_order_relaxed));
    return top == asleep();
  }

  // All commands, oldest first, linked by `next`; the caller deletes them. Also ends the sleep.
  Command* take() {
    if (top_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    Command* top = top_.exchange(nullptr, std::memory_order_acquire);  // pairs with push()
    if (top == asleep()) return nullptr;
    Command* oldest = nullptr;
    while (top != nullptr) {
      Command* next = top->next;
      top->next = oldest;
      oldest = top;
      top = next;
    }
    return oldest;
  }

  // From now on the next push() answers true, until take(). False: there is a command already.
  [[nodiscard]] bool sleep() {
    Command* none = nullptr;
    return top_.compare_exchange_strong(none, asleep(), std::memory_order_relaxed);
  }

 private:
  Command* asleep() { return &asleep_; }

  Command asleep_{Command::Kind::stop};  // only its address matters
  std::atomic<Command*> top_{nullptr};
};

}  // namespace runtime
