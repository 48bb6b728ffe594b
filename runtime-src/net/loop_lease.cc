#include "net/loop_lease.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace runtime {

bool LoopLease::borrow() {
  std::uint32_t offered = kOffered;
  if (state_.load(std::memory_order_relaxed) != kOffered ||
      !state_.compare_exchange_strong(offered, kBorrowed, std::memory_order_acquire)) {
    return false;
  }
  turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return true;
}

void LoopLease::put_back() {
  if (state_.exchange(kOffered, std::memory_order_release) == kUnwatched) call_thread();
}

void LoopLease::give_back() {
  state_.store(kOwned, std::memory_order_release);
  call_thread();
}

void LoopLease::call_thread() {
  call_.store(1, std::memory_order_release);
  futex_.wake(call_);
}

bool LoopLease::take_back() {
  std::uint32_t offered = kOffered;
  return state_.compare_exchange_strong(offered, kOwned, std::memory_order_acquire);
}

void LoopLease::stand_by() {
  std::int64_t interval = kFirstLookNs;
  int quiet = 0;
  std::uint32_t turns = turns_.load(std::memory_order_relaxed);
  for (;;) {
    futex_.wait(call_, 0, std::chrono::nanoseconds(interval));
    const bool called = call_.exchange(0, std::memory_order_acquire) != 0;
    const std::uint32_t state = state_.load(std::memory_order_acquire);
    if (state == kOwned) return;
    const std::uint32_t turns_before = std::exchange(turns, turns_.load(std::memory_order_relaxed));
    if (called) {
      interval = kFirstLookNs;
      quiet = 0;
    } else if (turns != turns_before) {
      interval = std::min(interval * 2, kLastLookNs);
      quiet = 0;
    } else if (state == kOffered) {
      if (take_back()) return;
    } else if (++quiet < kQuietLooks) {
      interval = std::min(interval * 2, kQuietLookNs);
    } else {
      sleep_until_put_back();
      quiet = 0;
    }
  }
}

// Unless the worker has gone on just now.
void LoopLease::sleep_until_put_back() {
  std::uint32_t borrowed = kBorrowed;
  if (!state_.compare_exchange_strong(borrowed, kUnwatched, std::memory_order_relaxed)) return;
  while (call_.load(std::memory_order_relaxed) == 0) futex_.wait(call_, 0);
}

}  // namespace runtime
