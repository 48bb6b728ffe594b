#include "core/parking.h"

#include <algorithm>

namespace runtime {

Parking::Parking(std::size_t workers, std::uint32_t cores, Futex& futex)
    : cores_(cores),
      futex_(futex),
      words_(workers),
      active_(static_cast<std::uint32_t>(workers)),
      searching_(static_cast<std::uint32_t>(workers)),
      last_watcher_(workers) {}

bool Parking::end_search() {
  if (searching_.fetch_sub(1, std::memory_order_relaxed) != 1) return false;
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with that in wake_for_work()
  return true;
}

void Parking::park(std::size_t worker) {
  // Comes before what a waker writes, which finds the worker on the list.
  words_[worker].wake.store(kAsleep, std::memory_order_relaxed);
  {
    std::lock_guard lock(mutex_);
    parked_.push_back(worker);
    searching_.fetch_sub(1, std::memory_order_relaxed);
    active_.fetch_sub(1, std::memory_order_relaxed);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with that in wake_for_work()
}

bool Parking::leave(std::size_t worker, Wake what) {
  std::lock_guard lock(mutex_);
  if (std::erase(parked_, worker) == 0) return false;
  if (what == kWork) {
    active_.fetch_add(1, std::memory_order_relaxed);
    searching_.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

Parking::Wake Parking::sleep(std::size_t worker) {
  std::atomic<std::uint32_t>& word = words_[worker].wake;
  std::uint32_t what;
  // Pairs with the release in wake_one(): a watcher sees what its caller has seen.
  while ((what = word.load(std::memory_order_acquire)) == kAsleep) futex_.wait(word, kAsleep);
  return static_cast<Wake>(what);
}

void Parking::end_watch(std::size_t worker) {
  std::lock_guard lock(mutex_);
  last_watcher_ = worker;
  active_.fetch_add(1, std::memory_order_relaxed);
  searching_.fetch_add(1, std::memory_order_relaxed);
}

void Parking::end() {
  searching_.fetch_sub(1, std::memory_order_relaxed);
  active_.fetch_sub(1, std::memory_order_relaxed);
}

Parking::Outcome Parking::wake_for_work() {
  // Pairs with the fences in park() and end_search(): either we see the worker gone, or it sees what
  // we have brought.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (active() >= std::min<std::size_t>(cores_, words_.size())) return Outcome::cores_busy;
  if (anybody_searches()) return Outcome::searched;
  return wake_one(kWork) ? Outcome::woken : Outcome::nobody_parked;
}

bool Parking::wake_one(Wake what) {
  std::size_t worker;
  {
    std::lock_guard lock(mutex_);
    if (parked_.empty()) return false;
    auto at = std::find_if(parked_.rbegin(), parked_.rend(), [&](std::size_t parked) {
      return (parked == last_watcher_) == (what == kWatch);
    });
    if (at == parked_.rend()) at = parked_.rbegin();
    worker = *at;
    parked_.erase(std::next(at).base());
    // At once, so that nobody wakes another for the same work.
    if (what == kWork) {
      active_.fetch_add(1, std::memory_order_relaxed);
      searching_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  words_[worker].wake.store(what, std::memory_order_release);  // pairs with the acquire in sleep()
  futex_.wake(words_[worker].wake);
  return true;
}

void Parking::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  while (wake_one(kWork)) {
  }
}

}  // namespace runtime
