// Runs services on worker threads.
//
// A service that became runnable is handed to schedule() by whoever made it so, exactly once
// (Mailbox::push says whom). Each worker has a queue, and a slot "next" for the service that its
// current one has just woken: so a request and its answer stay on one core, in its caches. Idle
// workers steal.
//
// Waking:   a worker is woken when there is work that no running worker is about to take: something
//           was queued, nobody is searching, and fewer workers run than there are cores. A service
//           in a slot is about to run where it is, so it wakes nobody; instead one idle worker, the
//           watcher, looks every now and then whether a slot or a queue stands still because its
//           worker's message takes long, and takes over (watch.cc). The same makes up for workers
//           that block in system calls: beyond the number of cores, workers are added as long as
//           the running ones do not get on.
// Idling:   with nothing to run all workers sleep without a timeout.
// Fairness: a turn handles a bounded number of messages, in bounded time; a chain of slots is
//           bounded as well.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/ring_queue.h"
#include "base/time_slice.h"
#include "base/tiny_mutex.h"
#include "core/message.h"
#include "core/service.h"

namespace runtime {

class Scheduler;

using ServiceQueue = RingQueue<Service*>;  // runnable services in order

// What the monitor and the watcher see of a worker.
struct WorkerProgress {
  std::uint32_t version;       // changes with every message
  Handle source, destination;  // of the current message; destination 0 when there is none
};

class alignas(64) Worker {
 public:
  // The worker of the calling thread; null on other threads.
  static Worker* current() { return current_; }

  // The service that runs on this thread; null outside of any.
  Service* service() const { return service_; }
  Scheduler& scheduler() const { return scheduler_; }

  WorkerProgress progress() const;

  // CPU time since the current turn's last mark, in cycles().
  std::uint64_t cycles_in_turn() const;

 private:
  friend class Scheduler;
  friend class Turn;

  Worker(Scheduler& scheduler, std::size_t index)
      : scheduler_(scheduler), index_(index), random_(static_cast<std::uint32_t>(index)) {}

  // The first service of the queue, or null. Any thread.
  Service* pop_queued() {
    if (queued_.load(std::memory_order_relaxed) == 0) return nullptr;
    std::lock_guard lock(queue_mutex_);
    Service* service = queue_.pop();
    queued_.store(static_cast<std::uint32_t>(queue_.size()), std::memory_order_relaxed);
    return service;
  }

  static thread_local Worker* current_;

  Scheduler& scheduler_;
  const std::size_t index_;
  // The worker's own.
  Service* service_ = nullptr;
  bool holds_ = false;      // between hold() and release_held()
  std::uint64_t mark_ = 0;  // cycles() when the current turn, or its last 8 messages, began
  std::uint32_t ticks_ = 0;
  std::uint32_t slot_chain_ = 0;
  std::uint32_t random_;
  // Short for one that watches, so that it looks when it is time to, whoever runs on its core. Also
  // used by whoever wakes the worker; read under parked_mutex_ while it is parked.
  TimeSlice slice_;

  // Written by the worker, read by others.
  alignas(64) std::atomic<Service*> next_{nullptr};
  std::atomic<std::uint32_t> next_filled_{0};  // counts services put into next_
  std::atomic<std::uint32_t> queued_{0};       // the queue's size
  std::atomic<std::uint32_t> version_{0};
  std::atomic<Handle> source_{0}, destination_{0};

  TinyMutex queue_mutex_;
  ServiceQueue queue_;  // guarded by queue_mutex_

  // Written by whoever wakes the worker.
  alignas(64) std::atomic<std::uint32_t> wake_{0};
};

// One stretch of messages that a service may handle before others have their turn.
class Turn {
 public:
  Turn(Worker& worker, Service& service)
      : worker_(worker), service_(service), start_(worker.mark_) {}

  // The next message, which the caller now owns; false ends the turn. When the service has been
  // retired there is no next one.
  bool next(Message* message) {
    if (!next_given(message)) return false;
    take_bytes(block_bytes(message->data));
    return true;
  }
  // The same, but the payload is not on the service's account: for callers that give it to nobody
  // and end it with free_given().
  bool next_given(Message* message);

 private:
  // The next message of the mailbox.
  bool pop(Message* message);

  // A turn that handles small messages should take about the time in which a service that waits for
  // it does not mind, and many times that of the hand-over.
  static constexpr int kMessages = 64;
  static constexpr int kMessagesPerLook = 8;

  friend class Scheduler;
  Worker& worker_;
  Service& service_;
  const std::uint64_t start_;
  int left_ = kMessages;
};

class Scheduler {
 public:
  // `release` is called by a worker for a service that was retired, when no callback of it runs.
  using Release = void (*)(Service& service);
  Scheduler(int threads, Release release);
  ~Scheduler();

  // What other parts do on each worker; either may be null. Before start().
  struct Hooks {
    void (*thread_start)() = nullptr;
    void (*turn_end)() = nullptr;
  };
  void set_hooks(Hooks hooks) { hooks_ = hooks; }

  // For a service that blocks its worker: what it has sent so far leaves now, not at the end of the
  // turn.
  void before_block() const {
    if (hooks_.turn_end != nullptr) hooks_.turn_end();
  }

  void start();
  // Ends the workers after their current turns, and waits for them.
  void stop();

  // Makes a service that has just become runnable run. Any thread.
  void schedule(Service* service);

  // From hold() to release_held(), which must follow, what this thread makes runnable is kept back.
  // So a worker is woken once for messages that come together, and its service finds them all. On a
  // worker: within one message.
  void hold();
  void release_held();

  std::size_t threads() const { return workers_.size(); }
  const Worker& worker(std::size_t index) const { return *workers_[index]; }
  std::uint64_t turn_limit_cycles() const {
    return turn_limit_cycles_;
  }                     // after which a turn takes no more messages
  bool profile = true;  // CPU accounting; set before start()

 private:
  // Whether there is a watcher, or one has been called. One that dozes looks rarely, because a
  // worker is held up; whoever leaves work behind wakes it.
  enum Watch : std::uint32_t { kNobody, kLooks, kDozes };
  enum Wake : std::uint32_t { kAsleep, kWork, kWatch };

  void work(Worker& self);
  Service* take_own(Worker& self);
  Service* take_shared();
  Service* steal(Worker& self);
  void run(Worker& self, Service* service);
  bool another_may_watch();
  void wait(Worker& self);
  bool anything_queued() const;

  // Watching (watch.cc): what was seen of a worker at one time.
  struct Sighting {
    explicit Sighting(const Worker& worker);
    std::uint32_t filled, version;
    std::int64_t ns;
  };
  struct Look {
    Service* stalled = nullptr;  // waited since an earlier look; now the watcher's
    bool slots_used = false;     // since the last look
    bool held_up = false;        // a worker is at one message for long
  };
  void watch(Worker& self);
  Look look();
  bool begin_watch();
  void call_watcher();

  void enqueue(Worker& self, std::span<Service* const> services);
  void share(std::span<Service* const> services);
  void wake_for_queued_work();
  bool wake_one(Wake what);
  bool leave_parked(Worker& self);

  const Release release_;
  Hooks hooks_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::uint32_t cores_;
  std::uint64_t turn_limit_cycles_ = 0;

  std::mutex shared_mutex_;
  ServiceQueue shared_;  // guarded by shared_mutex_: what other threads made runnable
  std::atomic<std::uint32_t> shared_size_{0};

  // How many workers are not parked, and how many of these have nothing and look around.
  alignas(64) std::atomic<std::uint32_t> active_{0};
  std::atomic<std::uint32_t> searching_{0};
  std::atomic<Watch> watch_{kNobody};
  std::atomic<bool> stopping_{false};
  std::atomic<Worker*> watcher_{nullptr};  // the last one
  // The last sighting of each worker; for who has begun to watch, or has called the watcher.
  std::vector<std::optional<Sighting>> sightings_;

  std::mutex parked_mutex_;
  std::vector<Worker*> parked_;  // guarded by parked_mutex_; the last one parked is woken first
};

}  // namespace runtime
