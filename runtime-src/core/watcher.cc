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

void Watcher::queued(Parking::Outcome outcome, const Worker* self) {
  const std::uint32_t state = state_.load(std::memory_order_relaxed);
  if ((outcome == Parking::Outcome::cores_busy && state == kNobody) ||
      (outcome == Parking::Outcome::nobody_parked && state == kDozes) ||
      (outcome == Parking::Outcome::woken && state == kNobody && self == nullptr &&
       expected_.load(std::memory_order_relaxed))) {
    call(self);
  }
}

void Watcher::leave_office() {
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
    if (sleep(seen.held_up ? kDozes : kLooks, interval)) {
      interval = kFirstLookNs;
    } else {
      interval = std::min(interval * 2, parking_.core_free() ? kLastLookNs : kBusyLookNs);
    }
  }
  std::uint32_t filled = 0;
  for (std::size_t i = 0; i < pool_.size(); ++i) filled += pool_[i].sighting().filled;
  expected_.store(std::exchange(filled_, filled) != filled, std::memory_order_relaxed);
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

// Looks at all workers, and takes a service that has been waiting for its worker since an earlier
// look, while that worker handled one message.
Watcher::Look Watcher::look() {
  Look seen;
  const bool core_free = parking_.core_free();
  for (std::size_t i = 0; i < pool_.size(); ++i) {
    Worker& worker = pool_[i];
    std::optional<Sighting>& earlier = sightings_[i];
    const Sighting now{worker.sighting(), clock_()};
    if (!earlier || now.seen != earlier->seen) {
      seen.slots_used = seen.slots_used || !earlier || now.seen.filled != earlier->seen.filled;
      earlier = now;
      continue;
    }
    const std::int64_t ns = now.ns - earlier->ns;
    const bool at_work = worker.at_work();
    if (at_work && ns >= kHeldUpNs) seen.held_up = true;
    if (ns < (core_free ? kFirstLookNs / 2 : kBlockedNs)) continue;
    seen.stalled = worker.take_next();
    if (seen.stalled == nullptr) seen.stalled = worker.pop();
    if (seen.stalled == nullptr && at_work) seen.stalled = pool_.take_shared();
    if (seen.stalled != nullptr) return seen;
  }
  return seen;
}

}  // namespace runtime
