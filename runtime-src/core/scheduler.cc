#include "core/scheduler.h"

#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/futex.h"
#include "base/stack_guard.h"
#include "base/start_thread.h"
#include "core/turn.h"

namespace runtime {

namespace {

constexpr double kTurnLimitNs = 25'000;
// A worker that has left the loop with events looks into it again so often, and so many times, before
// it leaves it to the loop's own thread.
constexpr double kLoopLookNs = 50'000;
constexpr int kLoopLooks = 4;

std::uint32_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return static_cast<std::uint32_t>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::int64_t ns_since_mark(const Worker& worker) {
  const auto since = static_cast<std::int64_t>(worker.cycles_in_turn());
  return static_cast<std::int64_t>(static_cast<double>(since) * ns_per_cycle());
}

}  // namespace

constinit thread_local Worker* Worker::current_ = nullptr;

namespace {

// Between hold() and release_held() of this thread; a worker has Worker::holds instead.
thread_local Scheduler* holder = nullptr;
thread_local std::vector<Service*> held;

}  // namespace

Scheduler::Scheduler(int threads, Release release)
    : release_(release),
      pool_(*this, static_cast<std::size_t>(threads)),
      parking_(pool_.size(), usable_cores(), kernel_futex()),
      watcher_(pool_, parking_, kernel_futex(), monotonic_ns, ns_since_mark) {}

Scheduler::~Scheduler() { stop(); }

int Scheduler::start() {
  turn_limit_cycles_ = static_cast<std::uint64_t>(kTurnLimitNs / ns_per_cycle());
  loop_look_cycles_ = static_cast<std::uint64_t>(kLoopLookNs / ns_per_cycle());
  // On the only core those that are waited for would wait for us.
  const double busy_wait_ns = usable_cores() > 1 ? 1e3 * static_cast<double>(busy_wait.count()) : 0;
  waits_ = BusyWait(static_cast<std::uint64_t>(busy_wait_ns / ns_per_cycle()));
  for (std::size_t i = 0; i < pool_.size(); ++i) {
    std::thread thread;
    if (const int error = start_thread(thread, [this, &worker = pool_[i]] { work(worker); });
        error != 0) {
      return error;
    }
    threads_.push_back(std::move(thread));
  }
  return 0;
}

void Scheduler::stop() {
  parking_.stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

// ---- making services runnable -------------------------------------------------------------------

Worker* Scheduler::own_worker() const {
  Worker* const worker = Worker::current();
  return worker != nullptr && &worker->scheduler() == this ? worker : nullptr;
}

void Scheduler::schedule(Service* service) {
  Worker* const self = own_worker();
  if (self == nullptr || self->holds != 0) return hold_or_share(self, service);
  if (Service* const displaced = self->put_next(service)) return queue(*self, displaced);
  watcher_.slot_filled(self);
}

void Scheduler::hold_or_share(const Worker* self, Service* service) {
  if (self != nullptr || holder == this) {
    held.push_back(service);
  } else {
    share({&service, 1});
  }
}

void Scheduler::queue(Worker& self, Service* service) {
  self.enqueue({&service, 1});
  wake_for_queued_work();
}

void Scheduler::hold() {
  if (Worker* const self = own_worker()) {
    ++self->holds;
  } else {
    holder = this;
  }
}

bool Scheduler::release_held() {
  bool woken = false;
  holder = nullptr;
  if (Worker* const self = own_worker()) {
    if (--self->holds != 0) return false;
    if (held.size() == 1) {
      schedule(held.front());
    } else if (!held.empty()) {
      self->enqueue(held);
      woken = wake_for_queued_work();
    }
  } else if (!held.empty()) {
    woken = share(held);
  }
  held.clear();
  return woken;
}

// For any worker to run. True: one that slept was woken.
bool Scheduler::share(std::span<Service* const> services) {
  pool_.share(services);
  return wake_for_queued_work();
}

bool Scheduler::wake_for_queued_work() {
  const Parking::Outcome outcome = watcher_.wake_for_work(own_worker());
  return outcome == Parking::Outcome::woken || outcome == Parking::Outcome::both_woken;
}

// ---- a worker's loop: take, steal, run, wait ----------------------------------------------------

void Scheduler::work(Worker& self) {
  self.become_current();
  const StackGuard guard([] { return Worker::current()->progress().destination; });
  if (hooks_.thread_start != nullptr) hooks_.thread_start();
  prctl(PR_SET_TIMERSLACK, 1);  // the watcher's short sleeps are not to be rounded up to 50 us
  bool searching = true;
  self.set_mark();
  while (!parking_.stopping()) {
    Service* service = take(self);
    if (service == nullptr) {
      if (!searching) {
        parking_.begin_search();
        searching = true;
      }
      service = pool_.steal(self);
    }
    if (service == nullptr) {
      wait(self);  // on return the worker searches again
      self.set_mark();
      continue;
    }
    if (searching) {
      searching = false;
      if (parking_.end_search() && pool_.anything_queued()) wake_for_queued_work();
    }
    run(self, service);
    if (self.loop_mark != 0) [[unlikely]]
      look_into_loop(self);
  }
  if (!searching) parking_.begin_search();
  parking_.end();
  drop_spare_blocks();
  Worker::end_current();
}

// What is the worker's own, and now and then, or when there is nothing, what other threads have left.
Service* Scheduler::take(Worker& self) {
  if (self.time_for_shared()) {
    self.slice.restore();
    if (Service* service = pool_.take_shared()) return service;
  }
  if (Service* service = self.take()) return service;
  return pool_.take_shared();
}

void Scheduler::run(Worker& self, Service* service) {
  self.begin(service, service->handle());
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

// Sleeps until there may be work. The worker searches before and after.
void Scheduler::wait(Worker& self) {
  parking_.park(self.index());
  if (pool_.anything_queued() || parking_.stopping()) {
    if (parking_.leave(self.index(), Parking::kWork)) return;
  } else if (watcher_.begin()) {
    if (parking_.leave(self.index(), Parking::kWatch)) {
      if (std::exchange(self.loop_mark, 0) != 0) leave_loop_to_thread();
      return watcher_.watch(self);
    }
    watcher_.cancel();
  } else if (turn_loop(self)) {
    return;
  }
  self.loop_mark = 0;
  watcher_.rest(self);
  if (parking_.sleep(self.index()) == Parking::kWatch) watcher_.watch(self);
}

// ---- the loop that waits for descriptors --------------------------------------------------------

// Instead of sleeping the worker, which has parked, waits in the loop. It searches after that, and what
// has come is in its queue: nobody else need wake up for it. False: the loop is not to be had.
bool Scheduler::turn_loop(Worker& self) {
  EventLoop* const loop = loop_.load(std::memory_order_acquire);
  if (loop == nullptr || !loop->borrow()) return false;
  if (!parking_.sleep_in(self.index(), *loop)) {
    loop->put_back();
    return false;
  }
  ++self.holds;
  wait_in(*loop);
  const bool woken = !parking_.leave(self.index(), Parking::kWork);
  const bool watches = woken && parking_.sleep(self.index()) == Parking::kWatch;
  loop->handle();
  --self.holds;
  if (watches) {
    if (!held.empty()) share(held);
    loop->give_back();
    watcher_.watch(self);
  } else {
    if (!held.empty()) self.enqueue(held);
    loop->put_back();
    self.loop_mark = cycles();
    self.loop_looks = 0;
  }
  held.clear();
  return true;
}

// Until there is something to handle.
void Scheduler::wait_in(EventLoop& loop) {
  bool has_come = false;
  for (bool looks = waits_.begin(cycles()); looks; looks = !has_come && waits_.again(cycles())) {
    has_come = loop.wait(false);
  }
  if (!has_come) loop.wait(true);
  waits_.end(cycles());
}

// The worker has not come back to the loop yet. It looks what has come there meanwhile, and leaves the
// loop to its thread if that goes on.
void Scheduler::look_into_loop(Worker& self) {
  if (self.mark() - self.loop_mark < loop_look_cycles_) return;
  self.loop_mark = 0;
  EventLoop* const loop = loop_.load(std::memory_order_acquire);
  if (loop == nullptr || !loop->borrow()) return;
  ++self.holds;
  loop->wait(false);
  loop->handle();
  --self.holds;
  if (++self.loop_looks == kLoopLooks) {
    loop->give_back();
  } else {
    loop->put_back();
    self.loop_mark = cycles();
  }
  self.set_mark();
  if (held.empty()) return;
  self.enqueue(held);
  held.clear();
  wake_for_queued_work();
}

// If nobody has it: the worker that would turn it next has something else to do.
void Scheduler::leave_loop_to_thread() {
  EventLoop* const loop = loop_.load(std::memory_order_acquire);
  if (loop != nullptr && loop->borrow()) loop->give_back();
}

}  // namespace runtime
