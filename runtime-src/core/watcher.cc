#include "core/watcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace runtime {

bool Watcher::take_office() {
  std::uint32_t nobody = kNobody;
  return state_.compare_exchange_strong(nobody, kLooks, std::memory_order_acquire);
}

bool Watcher::begin() { return parking_.active() != 0 && take_office(); }

Parking::Outcome Watcher::wake_for_work(const Worker* self) {
  const bool both = self == nullptr && expected_.load(std::memory_order_relaxed) &&
                    parking_.core_free() && !parking_.anybody_searches() && take_office();
  if (both) {
    called_ns_ = clock_();
    const Parking::Outcome outcome = parking_.wake_for_work_and_to_watch();
    if (outcome != Parking::Outcome::both_woken) cancel();
    return outcome;
  }
  const Parking::Outcome outcome = parking_.wake_for_work();
  const std::uint32_t state = state_.load(std::memory_order_relaxed);
  if ((outcome == Parking::Outcome::cores_busy && state == kNobody) ||
      (outcome == Parking::Outcome::nobody_parked && state == kDozes)) {
    call(self);
  }
  return outcome;
}

void Watcher::leave_office() {
  called_ns_ = 0;
  std::ranges::fill(sightings_, std::nullopt);
  state_.store(kNobody, std::memory_order_release);  // pairs with the acquire in take_office()
}

bool Watcher::wake_dozing() {
  std::uint32_t dozes = kDozes;
  if (state_.load(std::memory_order_relaxed) != kDozes) return false;
  if (parking_.core_free() &&
      state_.compare_exchange_strong(dozes, kLooks, std::memory_order_relaxed)) {
    futex_.wake(state_);
  }
  return true;
}

void Watcher::watch(Worker& self) {
  self.slice.shorten();
  std::int64_t interval = kFirstLookNs;
  int quiet = 0;
  bool looked = false;
  Service* stalled = nullptr;
  while (!parking_.stopping()) {
    const bool anybody_active = parking_.active() != 0;
    const Look seen = look();
    stalled = seen.stalled;
    if (stalled != nullptr) break;
    if (parking_.core_free() && !parking_.anybody_searches() && pool_.anything_queued()) break;
    if (!anybody_active && !seen.slots_used) {
      if (++quiet == kQuietLooks) break;
      interval = kLastLookNs;
    } else {
      quiet = 0;
    }
    const std::int64_t first = std::exchange(looked, true) ? 0 : first_interval(seen);
    if (first != 0) {
      sleep(kLooks, first);
      interval = kFirstLookNs;
    } else if (sleep(seen.held_up ? kDozes : kLooks, interval)) {
      interval = kFirstLookNs;
    } else {
      interval = std::min(interval * 2, parking_.core_free() ? kLastLookNs : kBusyLookNs);
    }
  }
  if (stalled != nullptr) {
    expected_.store(true, std::memory_order_relaxed);
  } else {
    std::uint32_t filled = 0;
    for (std::size_t i = 0; i < pool_.size(); ++i) filled += pool_[i].sighting().filled;
    expected_.store(std::exchange(filled_, filled) != filled, std::memory_order_relaxed);
  }
  parking_.end_watch(self.index());
  leave_office();
  if (stalled != nullptr) self.enqueue({&stalled, 1});
  if (quiet < kQuietLooks) call(&self);  // we may be held up as well
}

bool Watcher::sleep(State state, std::int64_t interval) {
  state_.store(state, std::memory_order_relaxed);
  futex_.wait(state_, state, std::chrono::nanoseconds(interval));
  return state_.exchange(kLooks, std::memory_order_relaxed) != state;
}

// It was called, and is awake before the worker for whom it was: on the core where both wait for the
// caller, who wakes them one after the other. A sleep that ends while that worker still waits makes it
// worse: the kernel then lets the worker run first, which has had less, and the watcher when the
// worker's time slice ends. It takes some times as long as this wake-up did until the worker is at work.
std::int64_t Watcher::first_interval(const Look& seen) {
  if (called_ns_ == 0 || seen.at_work || parking_.active() == 0) return 0;
  return std::clamp((clock_() - called_ns_) * 8, kFirstLookNs, kHeldUpNs);
}

// Looks at all workers, and takes a service that has been waiting for its worker since an earlier
// look, while that worker handled one message; or whose worker has been at its last few messages for
// so long that they are no short ones.
Watcher::Look Watcher::look() {
  Look seen;
  const bool core_free = parking_.core_free();
  for (std::size_t i = 0; i < pool_.size(); ++i) {
    Worker& worker = pool_[i];
    std::optional<Sighting>& earlier = sightings_[i];
    const Sighting now{worker.sighting(), clock_()};
    const bool at_work = worker.at_work();
    seen.at_work = seen.at_work || at_work;
    if (!earlier || now.seen != earlier->seen) {
      seen.slots_used = seen.slots_used || !earlier || now.seen.filled != earlier->seen.filled;
      earlier = now;
    }
    const std::int64_t ns = now.ns - earlier->ns;
    if (at_work && ns >= kHeldUpNs) seen.held_up = true;
    const bool long_turn = core_free && at_work && since_mark_(worker) >= kLongTurnNs;
    if (!long_turn && ns < (core_free ? kFirstLookNs / 2 : kBlockedNs)) continue;
    seen.stalled = worker.take_next();
    if (seen.stalled == nullptr) seen.stalled = worker.pop();
    if (seen.stalled == nullptr && at_work) seen.stalled = pool_.take_shared();
    if (seen.stalled != nullptr) return seen;
  }
  return seen;
}

}  // namespace runtime
