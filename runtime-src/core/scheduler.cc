#include "core/scheduler.h"

#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/futex.h"
#include "base/memory_reserve.h"
#include "base/stack_guard.h"

namespace runtime {

namespace {

constexpr std::uint32_t kSlotChain = 64;  // services taken from the slot in a row while others wait
constexpr std::uint32_t kSharedInterval = 61;  // turns after which shared work is looked at first
constexpr double kTurnLimitNs = 25'000;

std::uint32_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return static_cast<std::uint32_t>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

thread_local Worker* Worker::current_ = nullptr;

namespace {

// Between hold() and release_held() of this thread; a worker has Worker::holds_ instead.
thread_local Scheduler* holder = nullptr;
thread_local std::vector<Service*> held;

}  // namespace

WorkerProgress Worker::progress() const {
  return {version_.load(std::memory_order_relaxed), source_.load(std::memory_order_relaxed),
          destination_.load(std::memory_order_relaxed)};
}

std::uint64_t Worker::cycles_in_turn() const { return cycles() - mark_; }

Scheduler::Scheduler(int threads, Release release) : release_(release), cores_(usable_cores()) {
  for (int i = 0; i < threads; ++i)
    workers_.emplace_back(new Worker(*this, static_cast<std::size_t>(i)));
  sightings_.resize(workers_.size());
}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  turn_limit_cycles_ = static_cast<std::uint64_t>(kTurnLimitNs / ns_per_cycle());
  active_.store(static_cast<std::uint32_t>(workers_.size()));
  for (auto& worker : workers_) {
    threads_.emplace_back([this, &worker = *worker] { work(worker); });
  }
}

void Scheduler::stop() {
  stopping_.store(true);
  for (auto& worker : workers_) {
    worker->wake_.store(kWork);
    futex_wake(worker->wake_, 1);
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

// ---- making services runnable -------------------------------------------------------------------

void Scheduler::schedule(Service* service) {
  Worker* self = Worker::current_;
  if (self == nullptr || &self->scheduler_ != this) {
    if (holder == this) {
      held.push_back(service);
      return;
    }
    share({&service, 1});
    return;
  }
  if (self->holds_) [[unlikely]] {
    held.push_back(service);
    return;
  }
  // Only this thread fills the slot, others only empty it: one that is empty stays so.
  Service* displaced = self->next_.load(std::memory_order_relaxed);
  if (displaced == nullptr) [[likely]] {
    self->next_.store(service, std::memory_order_release);
  } else {
    displaced = self->next_.exchange(service, std::memory_order_acq_rel);
  }
  self->next_filled_.store(self->next_filled_.load(std::memory_order_relaxed) + 1,
                           std::memory_order_release);
  if (displaced != nullptr) {
    enqueue(*self, {&displaced, 1});
    wake_for_queued_work();
  } else if (watch_.load(std::memory_order_relaxed) != kLooks) {
    call_watcher();
  }
}

void Scheduler::hold() {
  Worker* self = Worker::current_;
  if (self != nullptr && &self->scheduler_ == this) {
    self->holds_ = true;
  } else {
    holder = this;
  }
}

void Scheduler::release_held() {
  holder = nullptr;
  Worker* self = Worker::current_;
  if (self != nullptr && &self->scheduler_ == this) {
    self->holds_ = false;
    if (held.size() == 1) {
      schedule(held.front());
    } else if (!held.empty()) {
      enqueue(*self, held);
      wake_for_queued_work();
    }
  } else if (!held.empty()) {
    share(held);
  }
  held.clear();
}

// For any worker to run.
void Scheduler::share(std::span<Service* const> services) {
  {
    std::lock_guard lock(shared_mutex_);
    for (Service* service : services) shared_.push(service);
    shared_size_.store(static_cast<std::uint32_t>(shared_.size()), std::memory_order_relaxed);
  }
  wake_for_queued_work();
}

void Scheduler::enqueue(Worker& self, std::span<Service* const> services) {
  std::lock_guard lock(self.queue_mutex_);
  for (Service* service : services) self.queue_.push(service);
  self.queued_.store(static_cast<std::uint32_t>(self.queue_.size()), std::memory_order_relaxed);
}

void Scheduler::wake_for_queued_work() {
  // Pairs with the fence in wait(): either we see the worker parked, or it sees what we queued.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (active_.load(std::memory_order_relaxed) >= std::min<std::size_t>(cores_, workers_.size())) {
    if (watch_.load(std::memory_order_relaxed) == kNobody) call_watcher();
    return;
  }
  if (searching_.load(std::memory_order_relaxed) != 0) return;
  if (!wake_one(kWork) && watch_.load(std::memory_order_relaxed) == kDozes) call_watcher();
}

// Takes a worker off the parked list and wakes it. One that is to work counts as active and
// searching at once, so that nobody wakes another for the same work. Who watched before watches
// again, and the others work, so that slices rarely change.
bool Scheduler::wake_one(Wake what) {
  Worker* worker;
  {
    std::lock_guard lock(parked_mutex_);
    if (parked_.empty()) return false;
    auto at = std::find_if(parked_.rbegin(), parked_.rend(), [what](const Worker* parked) {
      return parked->slice_.is_short() == (what == kWatch);
    });
    if (at == parked_.rend()) at = parked_.rbegin();
    worker = *at;
    parked_.erase(std::next(at).base());
    if (what == kWork) {
      active_.fetch_add(1, std::memory_order_seq_cst);
      searching_.fetch_add(1, std::memory_order_seq_cst);
    }
  }
  if (what == kWatch) worker->slice_.shorten();
  worker->wake_.store(what, std::memory_order_release);
  futex_wake(worker->wake_, 1);
  return true;
}

// ---- a worker's loop: take, steal, run, wait ----------------------------------------------------

void Scheduler::work(Worker& self) {
  Worker::current_ = &self;
  prepare_thread_for_malloc();
  const StackGuard guard(
      [] { return Worker::current_->destination_.load(std::memory_order_relaxed); });
  if (hooks_.thread_start != nullptr) hooks_.thread_start();
  self.slice_.attach();
  prctl(PR_SET_TIMERSLACK, 1);  // the watcher's short sleeps are not to be rounded up to 50 us
  searching_.fetch_add(1, std::memory_order_seq_cst);
  bool searching = true;
  self.mark_ = cycles();
  while (!stopping_.load(std::memory_order_relaxed)) {
    Service* service = take_own(self);
    if (service == nullptr) service = take_shared();
    if (service == nullptr) {
      if (!searching) {
        searching_.fetch_add(1, std::memory_order_seq_cst);
        searching = true;
      }
      service = steal(self);
    }
    if (service == nullptr) {
      wait(self);  // counts us as active and searching again when it returns
      self.mark_ = cycles();
      continue;
    }
    if (searching) {
      searching = false;
      // The last one that searched makes sure that somebody looks for the rest.
      if (searching_.fetch_sub(1, std::memory_order_seq_cst) == 1 && anything_queued())
        wake_for_queued_work();
    }
    run(self, service);
  }
  if (searching) searching_.fetch_sub(1, std::memory_order_seq_cst);
  active_.fetch_sub(1, std::memory_order_seq_cst);
  Worker::current_ = nullptr;
}

Service* Scheduler::take_own(Worker& self) {
  if (++self.ticks_ % kSharedInterval == 0) {
    self.slice_.restore();
    if (Service* service = take_shared()) return service;
  }
  if (self.next_.load(std::memory_order_relaxed) != nullptr) {
    if (self.slot_chain_ < kSlotChain || self.queued_.load(std::memory_order_relaxed) == 0) {
      if (Service* service = self.next_.exchange(nullptr, std::memory_order_acq_rel)) {
        ++self.slot_chain_;
        return service;
      }
    } else if (Service* service = self.next_.exchange(nullptr, std::memory_order_acq_rel)) {
      enqueue(self, {&service, 1});
    }
  }
  self.slot_chain_ = 0;
  return self.pop_queued();
}

Service* Scheduler::take_shared() {
  if (shared_size_.load(std::memory_order_relaxed) == 0) return nullptr;
  std::lock_guard lock(shared_mutex_);
  Service* service = shared_.pop();
  shared_size_.store(static_cast<std::uint32_t>(shared_.size()), std::memory_order_relaxed);
  return service;
}

// Half of another worker's queue. Slots are left alone: what is in one is about to run.
Service* Scheduler::steal(Worker& self) {
  self.random_ = self.random_ * 1664525 + 1013904223;  // Numerical Recipes; any spread will do
  const std::size_t from = self.random_ >> 16;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& victim = *workers_[(from + i) % workers_.size()];
    if (&victim == &self || victim.queued_.load(std::memory_order_relaxed) == 0) continue;
    std::array<Service*, 32> taken;
    std::size_t count = 0;
    {
      std::lock_guard lock(victim.queue_mutex_);
      const std::size_t half = std::min((victim.queue_.size() + 1) / 2, taken.size());
      while (count < half) taken[count++] = victim.queue_.pop();
      victim.queued_.store(static_cast<std::uint32_t>(victim.queue_.size()),
                           std::memory_order_relaxed);
    }
    if (count == 0) continue;
    if (count > 1) enqueue(self, std::span(taken).subspan(1, count - 1));
    return taken[0];
  }
  return nullptr;
}

void Scheduler::run(Worker& self, Service* service) {
  self.service_ = service;
  self.destination_.store(service->handle(), std::memory_order_relaxed);
  if (!service->retired()) {
    Turn turn(self, *service);
    service->memory.enter();
    service->run(turn);
    service->memory.leave();
    if (hooks_.turn_end != nullptr) hooks_.turn_end();
  }
  // One look at the clock ends this turn's time and begins the next one's.
  const std::uint64_t now = cycles();
  service->cycles_.store(service->cycles_.load(std::memory_order_relaxed) + (now - self.mark_),
                         std::memory_order_relaxed);
  self.mark_ = now;
  const bool retired = service->retired();
  if (retired) {
    release_(*service);
    if (hooks_.turn_end != nullptr) hooks_.turn_end();
  } else if (!service->mailbox().become_idle()) {
    // It is still ours: messages came meanwhile, or it was retired just now.
    enqueue(self, {&service, 1});
    if (self.next_.load(std::memory_order_relaxed) != nullptr ||
        self.queued_.load(std::memory_order_relaxed) > 1) {
      wake_for_queued_work();
    }
  }
  self.service_ = nullptr;
  self.destination_.store(0, std::memory_order_relaxed);
}

bool Scheduler::anything_queued() const {
  if (shared_size_.load(std::memory_order_relaxed) != 0) return true;
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->queued_.load(std::memory_order_relaxed) != 0;
  });
}

// Takes `self` off the parked list. False: somebody has taken it off to wake it, and counted it.
bool Scheduler::leave_parked(Worker& self) {
  std::lock_guard lock(parked_mutex_);
  const auto at = std::find(parked_.begin(), parked_.end(), &self);
  if (at == parked_.end()) return false;
  parked_.erase(at);
  active_.fetch_add(1, std::memory_order_seq_cst);
  searching_.fetch_add(1, std::memory_order_seq_cst);
  return true;
}

bool Scheduler::another_may_watch() {
  if (watch_.load(std::memory_order_relaxed) != kNobody) return true;
  std::lock_guard lock(parked_mutex_);
  return std::ranges::any_of(parked_,
                             [](const Worker* parked) { return parked->slice_.is_short(); });
}

// Sleeps until there may be work. Comes and goes active and searching.
void Scheduler::wait(Worker& self) {
  // One that is ready to watch is enough. Slices change here rather than when there is work, as a
  // worker whose slice has just become long keeps the watcher off its core.
  if (self.slice_.is_short() && another_may_watch()) self.slice_.restore();
  self.wake_.store(kAsleep, std::memory_order_relaxed);
  {
    std::lock_guard lock(parked_mutex_);
    parked_.push_back(&self);
    searching_.fetch_sub(1, std::memory_order_seq_cst);
    active_.fetch_sub(1, std::memory_order_seq_cst);
  }
  // Pairs with the fence in wake_for_queued_work().
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (anything_queued() || stopping_.load(std::memory_order_relaxed)) {
    if (leave_parked(self)) return;
  } else if (active_.load(std::memory_order_relaxed) != 0 && begin_watch()) {
    if (leave_parked(self)) return watch(self);
    watch_.store(kNobody, std::memory_order_release);
  }
  while (self.wake_.load(std::memory_order_acquire) == kAsleep) futex_wait(self.wake_, kAsleep);
  if (self.wake_.load(std::memory_order_acquire) == kWatch) {
    active_.fetch_add(1, std::memory_order_seq_cst);
    searching_.fetch_add(1, std::memory_order_seq_cst);
    watch(self);
  }
}

}  // namespace runtime
