// What one worker is to run, and what it is at.
//
// A worker has a slot *next* for the service that its current one has just woken, so that a request
// and its answer stay on one core, in its caches; and a queue for all others.
//
// Threads:  put_next(), take(), begin(), end(), note_message(), count_time(), and what they say
//           only from the worker's own thread. Only the own thread fills the slot and the queue;
//           any thread may take from them: take_next(), pop() and steal().
// Promised: a service that was put in comes out exactly once, whoever takes.
//           What a thread wrote before it put a service in is seen by the one that takes it.
// Order:    the queue is first in, first out. The slot comes first, but not more than kSlotChain
//           times in a row while something waits in the queue.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/clock.h"
#include "base/ring_queue.h"
#include "base/time_slice.h"
#include "base/tiny_mutex.h"
#include "core/message.h"
#include "core/service.h"

namespace runtime {

class Scheduler;

using ServiceQueue = RingQueue<Service*>;  // runnable services in order

// What the monitor sees of a worker.
struct WorkerProgress {
  std::uint32_t version;       // changes with every message
  Handle source, destination;  // of the current message; destination 0 when there is none
};

class alignas(64) Worker {
 public:
  // What runs between the steps of a function that others may come between: nothing, but in a test.
  struct Nothing {
    void operator()() const {}
  };

  static constexpr std::uint32_t kSlotChain = 64;
  static constexpr std::size_t kMostStolen = 32;

  Worker(Scheduler& scheduler, std::size_t index)
      : scheduler_(scheduler), index_(index), random_(static_cast<std::uint32_t>(index)) {}

  // The worker of the calling thread; null on other threads.
  static Worker* current() { return current_; }
  void become_current() { current_ = this; }
  static void end_current() { current_ = nullptr; }

  Scheduler& scheduler() const { return scheduler_; }
  std::size_t index() const { return index_; }

  // ---- the service that runs ----

  // Null outside of any.
  Service* service() const { return service_; }
  void begin(Service* service, Handle handle) {
    service_ = service;
    destination_.store(handle, std::memory_order_relaxed);
  }
  void end() {
    service_ = nullptr;
    destination_.store(0, std::memory_order_relaxed);
  }
  void note_message(Handle source) {
    source_.store(source, std::memory_order_relaxed);
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  WorkerProgress progress() const {  // any thread
    return {version_.load(std::memory_order_relaxed), source_.load(std::memory_order_relaxed),
            destination_.load(std::memory_order_relaxed)};
  }

  // CPU time since the current turn's last mark, in cycles().
  std::uint64_t cycles_in_turn() const { return cycles() - mark(); }
  std::uint64_t mark() const { return mark_.load(std::memory_order_relaxed); }  // any thread
  void set_mark() { mark_.store(cycles(), std::memory_order_relaxed); }
  // Puts that time to the account of `service`, and sets the mark.
  void count_time(Service& service) {
    const std::uint64_t now = cycles();
    service.add_cycles(now - mark());
    mark_.store(now, std::memory_order_relaxed);
  }

  // ---- the slot ----

  // Gives back the service that was there, if any: the caller must enqueue it.
  template <class Between = Nothing>
  [[nodiscard]] Service* put_next(Service* service, Between between = {}) {
    // Others only empty the slot: one that is empty stays so, and needs no exchange.
    Service* displaced = next_.load(std::memory_order_relaxed);
    between();
    if (displaced == nullptr) [[likely]] {
      next_.store(service, std::memory_order_release);  // pairs with the acquire in take_next()
    } else {
      displaced = next_.exchange(service, std::memory_order_release);  // with the same
    }
    filled_.store(filled_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return displaced;
  }
  bool has_next() const { return next_.load(std::memory_order_relaxed) != nullptr; }
  // What is in the slot, or null. Any thread.
  template <class Between = Nothing>
  Service* take_next(Between between = {}) {
    if (!has_next()) return nullptr;
    between();
    return next_.exchange(nullptr, std::memory_order_acquire);  // pairs with put_next()
  }

  // ---- the queue ----

  void enqueue(std::span<Service* const> services) {
    std::lock_guard lock(queue_mutex_);
    for (Service* service : services) queue_.push(service);
    note_queued();
  }
  bool has_queued() const { return queued() != 0; }
  std::uint32_t queued() const { return queued_.load(std::memory_order_relaxed); }
  // The first service of the queue, or null. Any thread.
  template <class Between = Nothing>
  Service* pop(Between between = {}) {
    if (!has_queued()) return nullptr;
    between();
    std::lock_guard lock(queue_mutex_);
    Service* service = queue_.pop();
    note_queued();
    return service;
  }
  // Half of the queue of `victim`, rounded up, at most kMostStolen: the first one is returned, the
  // others are in this worker's queue. Null: nothing was there. Holds one lock at a time, so that
  // two workers may steal from each other.
  template <class Between = Nothing>
  Service* steal(Worker& victim, Between between = {}) {
    if (!victim.has_queued()) return nullptr;
    between();
    std::array<Service*, kMostStolen> taken;
    std::size_t count = 0;
    {
      std::lock_guard lock(victim.queue_mutex_);
      const std::size_t half = std::min((victim.queue_.size() + 1) / 2, taken.size());
      while (count < half) taken[count++] = victim.queue_.pop();
      victim.note_queued();
    }
    if (count == 0) return nullptr;
    if (count > 1) enqueue(std::span(taken).subspan(1, count - 1));
    return taken[0];
  }

  // ---- what comes next ----

  // From the slot, else from the queue; null when both are empty.
  template <class Between = Nothing>
  Service* take(Between between = {}) {
    if (slot_chain_ < kSlotChain || !has_queued()) {
      if (Service* service = take_next(between)) {
        ++slot_chain_;
        return service;
      }
    } else if (Service* service = take_next(between)) {
      enqueue({&service, 1});
    }
    slot_chain_ = 0;
    return pop();
  }

  // Whether work that other threads have left is to be looked at first this time.
  bool time_for_shared() { return ++ticks_ % kSharedInterval == 0; }

  // For the choice of a victim. Any spread will do: the constants are those of Numerical Recipes.
  std::uint32_t random() {
    random_ = random_ * 1664525 + 1013904223;
    return random_ >> 16;
  }

  // ---- what the watcher sees. Any thread ----

  // Two equal ones: the worker is still at the same message, and has put nothing into its slot.
  struct Sighting {
    std::uint32_t filled, version;
    bool operator==(const Sighting&) const = default;
  };
  Sighting sighting() const {
    return {filled_.load(std::memory_order_relaxed), version_.load(std::memory_order_relaxed)};
  }
  bool at_work() const { return destination_.load(std::memory_order_relaxed) != 0; }

  // ---- what the scheduler keeps here ----

  // The worker's own.
  int holds = 0;  // how often between Scheduler::hold() and release_held()
  // While the loop that it has put back (EventLoop) may wait for it to come again: when that was, in
  // cycles(); 0: it does not. And how many looks it has had since it last waited in the loop.
  std::uint64_t loop_mark = 0;
  int loop_looks = 0;
  // Short for one that watches, so that it looks when it is time to, whoever runs on its core.
  TimeSlice slice;

 private:
  static constexpr std::uint32_t kSharedInterval = 61;

  void note_queued() {
    queued_.store(static_cast<std::uint32_t>(queue_.size()), std::memory_order_relaxed);
  }

  static constinit thread_local Worker* current_;

  Scheduler& scheduler_;
  const std::size_t index_;
  // The worker's own.
  Service* service_ = nullptr;
  std::uint32_t ticks_ = 0;
  std::uint32_t slot_chain_ = 0;  // services from the slot in a row
  std::uint32_t random_;

  // Written by the worker, read by others. All but next_ order nothing: who reads an old value
  // looks a moment too early or too late, and takes nothing wrong. That nothing is overlooked by
  // one that goes to sleep is the affair of Parking, whose fences stand between the writes and the
  // reads of queued_.
  alignas(64) std::atomic<Service*> next_{nullptr};
  std::atomic<std::uint32_t> filled_{0};  // counts services put into next_
  std::atomic<std::uint32_t> queued_{0};  // the size of queue_; written under queue_mutex_
  std::atomic<std::uint32_t> version_{0};
  std::atomic<Handle> source_{0}, destination_{0};
  // cycles() when the current turn, or its last 8 messages, began.
  std::atomic<std::uint64_t> mark_{0};

  TinyMutex queue_mutex_;
  ServiceQueue queue_;  // guarded by queue_mutex_
};

}  // namespace runtime
