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
    2'000'000;                  // a message that takes longer may be waiting for something
constexpr int kQuietLooks = 3;  // looks at a node that needs none, before the watcher sleeps

}  // namespace

void Scheduler::call_watcher() {
  if (active_.load(std::memory_order_relaxed) == workers_.size()) return;
  if (watched_.exchange(true, std::memory_order_acq_rel)) return;
  // The time that the watcher takes to wake up counts as well.
  const Worker* self = Worker::current_;
  if (self != nullptr && &self->scheduler_ == this) sightings_[self->index_].emplace(*self);
  if (wake_one(kWatch)) return;
  std::ranges::fill(sightings_, std::nullopt);
  watched_.store(false, std::memory_order_release);
}

// The watcher's loop. Meanwhile it is neither on the parked list nor active; it comes and goes
// active and searching.
void Scheduler::watch(Worker& self) {
  searching_.fetch_sub(1, std::memory_order_seq_cst);
  active_.fetch_sub(1, std::memory_order_seq_cst);
  self.slice_.shorten();
  std::int64_t interval = kFirstLookNs;
  int quiet = 0;
  Service* service = nullptr;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const std::uint32_t active = active_.load(std::memory_order_seq_cst);
    bool slots_used = false;
    service = take_stalled(&slots_used);
    if (service != nullptr) break;
    if (active < cores_ && searching_.load(std::memory_order_relaxed) == 0 && anything_queued())
      break;
    if (active == 0 && !slots_used) {
      if (++quiet == kQuietLooks) break;
      interval = kLastLookNs;
    } else {
      quiet = 0;
    }
    futex_wait(self.wake_, self.wake_.load(std::memory_order_relaxed),
               std::chrono::nanoseconds(interval));
    interval = std::min(interval * 2, active < cores_ ? kLastLookNs : kBusyLookNs);
  }
  active_.fetch_add(1, std::memory_order_seq_cst);
  searching_.fetch_add(1, std::memory_order_seq_cst);
  std::ranges::fill(sightings_, std::nullopt);
  watched_.store(false, std::memory_order_seq_cst);
  if (service != nullptr) {
    enqueue(self, service);
    call_watcher();  // we may be held up as well
  }
}

Scheduler::Sighting::Sighting(const Worker& worker)
    : filled(worker.next_filled_.load(std::memory_order_acquire)),
      version(worker.version_.load(std::memory_order_relaxed)),
      ns(monotonic_ns()) {}

// A service that has been waiting for its worker since an earlier look, while that worker handled
// one message. `*slots_used` becomes true when any was put into a slot since then.
Service* Scheduler::take_stalled(bool* slots_used) {
  const bool cores_free = active_.load(std::memory_order_relaxed) < cores_;
  for (auto& worker_ptr : workers_) {
    Worker& worker = *worker_ptr;
    std::optional<Sighting>& earlier = sightings_[worker.index_];
    const Sighting now(worker);
    if (!earlier || now.filled != earlier->filled || now.version != earlier->version) {
      *slots_used = *slots_used || !earlier || now.filled != earlier->filled;
      earlier = now;
      continue;
    }
    if (now.ns - earlier->ns < (cores_free ? kFirstLookNs / 2 : kBlockedNs)) continue;
    if (worker.next_.load(std::memory_order_relaxed) != nullptr) {
      if (Service* service = worker.next_.exchange(nullptr, std::memory_order_acq_rel))
        return service;
    }
    if (worker.queued_.load(std::memory_order_relaxed) != 0) {
      std::lock_guard lock(worker.queue_mutex_);
      Service* service = worker.queue_.pop();
      worker.queued_.store(static_cast<std::uint32_t>(worker.queue_.size()),
                           std::memory_order_relaxed);
      if (service != nullptr) return service;
    }
    if (worker.destination_.load(std::memory_order_relaxed) != 0 &&
        shared_size_.load(std::memory_order_relaxed) != 0) {
      if (Service* service = take_shared()) return service;
    }
  }
  return nullptr;
}

}  // namespace runtime
