// A mutex of one byte: an uncontended lock is one atomic operation, an unlock a plain store.
//
// For critical sections of a few instructions: a waiter spins a moment, then sleeps for some
// microseconds at a time, so that a holder whose core was taken away does not cost its rivals
// theirs. Nobody wakes a sleeper: for that, unlock() would have to be a second atomic operation.
// Works with std::lock_guard.
#pragma once

#include <atomic>

namespace runtime {

class TinyMutex {
 public:
  void lock() {
    if (!try_lock()) [[unlikely]]
      lock_slowly();
  }
  bool try_lock() { return !held_.exchange(true, std::memory_order_acquire); }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  void lock_slowly();

  // The release in unlock() pairs with the acquire in try_lock().
  std::atomic<bool> held_{false};
};

}  // namespace runtime
