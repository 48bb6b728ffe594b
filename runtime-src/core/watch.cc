// The scheduler's watcher: a worker without work that looks whether what others are to run stands
// still.
#include <algorithm>

#include "base/clock.h"
#include "base/futex.h"
#include "core/scheduler.h"

namespace runtime {

namespace {

// The watcher's looks: soon after there is something to watch, then less and less often. A worker
// that sees others run when it has nothing to do becomes the watcher, and so finds what was queued
// while the last one left.
constexpr std::int64_t kFirstLookNs = 15'000;
constexpr std::int64_t kLastLookNs = 500'000;    // while cores are free
constexpr std::int64_t kBusyLookNs = 1'000'000;  // while all cores are at work
constexpr std::int64_t kBlockedNs =
    2'000'000;  // a message that takes longer may be waiting for something
constexpr std::int64_t kHeldUpNs = 100'000;  // a message that takes longer will take longer still
constexpr int kQuietLooks = 3;  // looks at a node that needs none, before the watcher sleeps

}  // namespace

bool Scheduler::begin_watch() {
  std::uint32_t nobody = kNobody;
  return watch_.compare_exchange_strong(nobody, kLooks, std::memory_order_acq_rel);
}

void Scheduler::call_watcher() {
  if (parking_.all_active()) return;
  if (std::uint32_t dozes = kDozes; watch_.load(std::memory_order_relaxed) == kDozes) {
    if (parking_.core_free() &&
        watch_.compare_exchange_strong(dozes, kLooks, std::memory_order_acq_rel)) {
      futex_wake(watch_, 1);
    }
    return;
  }
  if (!begin_watch()) return;
  // The time that the watcher takes to wake up counts as well.
  const Worker* self = Worker::current();
  if (self != nullptr && &self->scheduler() == this)
    sightings_[self->index()] = Sighting{self->sighting(), monotonic_ns()};
  if (parking_.wake_to_watch()) return;
  std::ranges::fill(sightings_, std::nullopt);
  watch_.store(kNobody, std::memory_order_release);
}

// The watcher's loop. Meanwhile it is neither parked nor active; on return it searches.
void Scheduler::watch(Worker& self) {
  self.slice.shorten();
  std::int64_t interval = kFirstLookNs;
  int quiet = 0;
  Service* service = nullptr;
  while (!parking_.stopping()) {
    const bool anybody_active = parking_.active() != 0;
    const Look seen = look();
    service = seen.stalled;
    if (service != nullptr) break;
    if (parking_.core_free() && !parking_.anybody_searches() && anything_queued()) break;
    if (!anybody_active && !seen.slots_used) {
      if (++quiet == kQuietLooks) break;
      interval = kLastLookNs;
    } else {
      quiet = 0;
    }
    const Watch state = seen.held_up ? kDozes : kLooks;
    watch_.store(state, std::memory_order_release);
    futex_wait(watch_, state, std::chrono::nanoseconds(interval));
    if (watch_.exchange(kLooks, std::memory_order_acq_rel) != state) {
      interval = kFirstLookNs;  // it was called
    } else {
      interval = std::min(interval * 2, parking_.core_free() ? kLastLookNs : kBusyLookNs);
    }
  }
  parking_.end_watch(self.index());
  std::ranges::fill(sightings_, std::nullopt);
  watch_.store(kNobody, std::memory_order_seq_cst);
  if (service != nullptr) {
    self.enqueue({&service, 1});
    call_watcher();  // we may be held up as well
  }
}

// Looks at all workers, and takes a service that has been waiting for its worker since an earlier
// look, while that worker handled one message.
Scheduler::Look Scheduler::look() {
  Look seen;
  const bool core_free = parking_.core_free();
  for (auto& worker_ptr : workers_) {
    Worker& worker = *worker_ptr;
    std::optional<Sighting>& earlier = sightings_[worker.index()];
    const Sighting now{worker.sighting(), monotonic_ns()};
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
    if (seen.stalled == nullptr && at_work) seen.stalled = take_shared();
    if (seen.stalled != nullptr) return seen;
  }
  return seen;
}

}  // namespace runtime
