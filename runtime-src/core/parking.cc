#include "core/parking.h"

#include <algorithm>

namespace runtime {

Parking::Parking(std::size_t workers, std::uint32_t cores, Futex& futex)
    : cores_(cores),
      futex_(futex),
      words_(workers),
      active_(static_cast<std::uint32_t>(workers)),
      searching_(static_cast<std::uint32_t>(workers)),
      last_watcher_(workers),
      in_loop_(workers) {}

bool Parking::end_search() {
  if (searching_.fetch_sub(1, std::memory_order_relaxed) != 1) return false;
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with that in needs_nobody()
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
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with that in needs_nobody()
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

bool Parking::sleep_in(std::size_t worker, EventLoop& loop) {
  loop_.store(&loop, std::memory_order_relaxed);
  in_loop_.store(worker, std::memory_order_relaxed);
  std::uint32_t asleep = kAsleep;
  // The release pairs with the acquire in tell().
  return words_[worker].wake.compare_exchange_strong(asleep, kInLoop, std::memory_order_release,
                                                     std::memory_order_relaxed);
}

Parking::Wake Parking::sleep(std::size_t worker) {
  std::atomic<std::uint32_t>& word = words_[worker].wake;
  std::uint32_t what;
  std::uint32_t in_loop = kInLoop;
  word.compare_exchange_strong(in_loop, kAsleep, std::memory_order_relaxed);
  // Pairs with the release in tell(): a watcher sees what its caller has seen.
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

std::optional<Parking::Outcome> Parking::needs_nobody() const {
  // Pairs with the fences in park() and end_search(): either we see the worker gone, or it sees what
  // we have brought.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (active() >= std::min<std::size_t>(cores_, words_.size())) return Outcome::cores_busy;
  if (anybody_searches()) return Outcome::searched;
  return std::nullopt;
}

Parking::Outcome Parking::wake_for_work() {
  if (const auto reason = needs_nobody()) return *reason;
  return wake_one(kWork) ? Outcome::woken : Outcome::nobody_parked;
}

Parking::Outcome Parking::wake_for_work_and_to_watch() {
  if (const auto reason = needs_nobody()) return *reason;
  std::optional<std::size_t> works, watches;
  {
    std::lock_guard lock(mutex_);
    works = choose(kWork);
    watches = choose(kWatch);
  }
  if (!works) return Outcome::nobody_parked;
  const bool works_sleeps = tell(*works, kWork);
  const bool watches_sleeps = watches && tell(*watches, kWatch);
  if (works_sleeps && watches_sleeps) {
    futex_.wake_both(words_[*works].wake, words_[*watches].wake);
  } else if (works_sleeps) {
    futex_.wake(words_[*works].wake);
  } else if (watches_sleeps) {
    futex_.wake(words_[*watches].wake);
  }
  return watches ? Outcome::both_woken : Outcome::woken;
}

std::optional<std::size_t> Parking::choose(Wake what) {
  if (parked_.empty()) return std::nullopt;
  const std::size_t in_loop = in_loop_.load(std::memory_order_relaxed);
  const auto rank = [&](std::size_t parked) {
    if (parked == in_loop) return 0;
    return (parked == last_watcher_) == (what == kWatch) ? 2 : 1;
  };
  const auto at = std::max_element(parked_.rbegin(), parked_.rend(),
                                   [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  const std::size_t worker = *at;
  parked_.erase(std::next(at).base());
  // At once, so that nobody wakes another for the same work.
  if (what == kWork) {
    active_.fetch_add(1, std::memory_order_relaxed);
    searching_.fetch_add(1, std::memory_order_relaxed);
  }
  return worker;
}

bool Parking::tell(std::size_t worker, Wake what) {
  // The release pairs with the acquire in sleep(), the acquire with the release in sleep_in().
  if (words_[worker].wake.exchange(what, std::memory_order_acq_rel) != kInLoop) return true;
  loop_.load(std::memory_order_relaxed)->wake();
  return false;
}

bool Parking::wake_one(Wake what) {
  std::optional<std::size_t> worker;
  {
    std::lock_guard lock(mutex_);
    worker = choose(what);
  }
  if (!worker) return false;
  if (tell(*worker, what)) futex_.wake(words_[*worker].wake);
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
