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
#include "core/turn.h"

namespace runtime {

namespace {

constexpr double kTurnLimitNs = 25'000;

std::uint32_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return static_cast<std::uint32_t>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

constinit thread_local Worker* Worker::current_ = nullptr;

namespace {

// Between hold() and release_held() of this thread; a worker has Worker::holds instead.
thread_local Scheduler* holder = nullptr;
thread_local std::vector<Service*> held;

}  // namespace

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
    worker->wake.store(kWork);
    futex_wake(worker->wake, 1);
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

// ---- making services runnable -------------------------------------------------------------------

void Scheduler::schedule(Service* service) {
  Worker* self = Worker::current();
  if (self == nullptr || &self->scheduler() != this) {
    if (holder == this) {
      held.push_back(service);
      return;
    }
    share({&service, 1});
    return;
  }
  if (self->holds) [[unlikely]] {
    held.push_back(service);
    return;
  }
  if (Service* displaced = self->put_next(service)) {
    self->enqueue({&displaced, 1});
    wake_for_queued_work();
  } else if (watch_.load(std::memory_order_relaxed) != kLooks) {
    call_watcher();
  }
}

void Scheduler::hold() {
  Worker* self = Worker::current();
  if (self != nullptr && &self->scheduler() == this) {
    self->holds = true;
  } else {
    holder = this;
  }
}

void Scheduler::release_held() {
  holder = nullptr;
  Worker* self = Worker::current();
  if (self != nullptr && &self->scheduler() == this) {
    self->holds = false;
    if (held.size() == 1) {
      schedule(held.front());
    } else if (!held.empty()) {
      self->enqueue(held);
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
      return parked->slice.is_short() == (what == kWatch);
    });
    if (at == parked_.rend()) at = parked_.rbegin();
    worker = *at;
    parked_.erase(std::next(at).base());
    if (what == kWork) {
      active_.fetch_add(1, std::memory_order_seq_cst);
      searching_.fetch_add(1, std::memory_order_seq_cst);
    }
  }
  if (what == kWatch) worker->slice.shorten();
  worker->wake.store(what, std::memory_order_release);
  futex_wake(worker->wake, 1);
  return true;
}

// ---- a worker's loop: take, steal, run, wait ----------------------------------------------------

void Scheduler::work(Worker& self) {
  self.become_current();
  prepare_thread_for_malloc();
  const StackGuard guard([] { return Worker::current()->progress().destination; });
  if (hooks_.thread_start != nullptr) hooks_.thread_start();
  self.slice.attach();
  prctl(PR_SET_TIMERSLACK, 1);  // the watcher's short sleeps are not to be rounded up to 50 us
  searching_.fetch_add(1, std::memory_order_seq_cst);
  bool searching = true;
  self.set_mark();
  while (!stopping_.load(std::memory_order_relaxed)) {
    Service* service = take(self);
    if (service == nullptr) {
      if (!searching) {
        searching_.fetch_add(1, std::memory_order_seq_cst);
        searching = true;
      }
      service = steal(self);
    }
    if (service == nullptr) {
      wait(self);  // counts us as active and searching again when it returns
      self.set_mark();
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
  Worker::end_current();
}

// What is the worker's own, and now and then, or when there is nothing, what other threads have left.
Service* Scheduler::take(Worker& self) {
  if (self.time_for_shared()) {
    self.slice.restore();
    if (Service* service = take_shared()) return service;
  }
  if (Service* service = self.take()) return service;
  return take_shared();
}

Service* Scheduler::take_shared() {
  if (shared_size_.load(std::memory_order_relaxed) == 0) return nullptr;
  std::lock_guard lock(shared_mutex_);
  Service* service = shared_.pop();
  shared_size_.store(static_cast<std::uint32_t>(shared_.size()), std::memory_order_relaxed);
  return service;
}

// From another worker's queue. Slots are left alone: what is in one is about to run.
Service* Scheduler::steal(Worker& self) {
  const std::size_t from = self.random();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& victim = *workers_[(from + i) % workers_.size()];
    if (&victim == &self) continue;
    if (Service* service = self.steal(victim)) return service;
  }
  return nullptr;
}

void Scheduler::run(Worker& self, Service* service) {
  self.begin(*service);
  if (!service->retired()) {
    Turn turn(self, *service, turn_limit_cycles_);
    service->memory.enter();
    service->run(turn);
    service->memory.leave();
    if (hooks_.turn_end != nullptr) hooks_.turn_end();
  }
  self.count_time(*service);  // what follows is on the next one's account
  const bool retired = service->retired();
  if (retired) {
    release_(*service);
    if (hooks_.turn_end != nullptr) hooks_.turn_end();
  } else if (!service->mailbox().become_idle()) {
    // It is still ours: messages came meanwhile, or it was retired just now.
    self.enqueue({&service, 1});
    if (self.has_next() || self.queued() > 1) wake_for_queued_work();
  }
  self.end();
}

bool Scheduler::anything_queued() const {
  if (shared_size_.load(std::memory_order_relaxed) != 0) return true;
  return std::ranges::any_of(workers_, [](const auto& worker) { return worker->has_queued(); });
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
                             [](const Worker* parked) { return parked->slice.is_short(); });
}

// Sleeps until there may be work. Comes and goes active and searching.
void Scheduler::wait(Worker& self) {
  // One that is ready to watch is enough. Slices change here rather than when there is work, as a
  // worker whose slice has just become long keeps the watcher off its core.
  if (self.slice.is_short() && another_may_watch()) self.slice.restore();
  self.wake.store(kAsleep, std::memory_order_relaxed);
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
  while (self.wake.load(std::memory_order_acquire) == kAsleep) futex_wait(self.wake, kAsleep);
  if (self.wake.load(std::memory_order_acquire) == kWatch) {
    active_.fetch_add(1, std::memory_order_seq_cst);
    searching_.fetch_add(1, std::memory_order_seq_cst);
    watch(self);
  }
}

}  // namespace runtime
