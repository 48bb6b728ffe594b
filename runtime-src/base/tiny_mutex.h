// A mutex of four bytes whose uncontended lock and unlock are one atomic operation each.
//
// For critical sections of a few instructions: a waiter spins a moment, then sleeps on a futex, so
// that a holder whose core was taken away does not cost its rivals theirs. Works with
// std::lock_guard.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/futex.h"

namespace runtime {

class TinyMutex {
 public:
  void lock() {
    std::uint32_t expected = kFree;
    if (!state_.compare_exchange_weak(expected, kHeld, std::memory_order_acquire,
                                      std::memory_order_relaxed)) [[unlikely]] {
      lock_slowly();
    }
  }
  bool try_lock() {
    std::uint32_t expected = kFree;
    return state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void unlock() {
    if (state_.exchange(kFree, std::memory_order_release) == kHeldWithSleepers) [[unlikely]] {
      futex_wake(state_, 1);
    }
  }

 private:
  static constexpr std::uint32_t kFree = 0, kHeld = 1, kHeldWithSleepers = 2;
  void lock_slowly();

  std::atomic<std::uint32_t> state_{kFree};
};

}  // namespace runtime
