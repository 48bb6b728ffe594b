// Runs services on worker threads.
//
// A service that became runnable is handed to schedule() by whoever made it so, exactly once
// (Mailbox::push says whom). Where it waits and who may take it: worker.h. Idle workers steal.
//
// Waking:   a worker is woken when there is work that no running worker is about to take: something
//           was queued, nobody is searching, and fewer workers run than there are cores (Parking).
//           A service in a slot is about to run where it is, so it wakes nobody; instead one idle
//           worker, the watcher, looks every now and then whether a slot or a queue stands still
//           because its worker's message takes long, and takes over (Watcher). The same makes up
//           for workers that block in system calls: beyond the number of cores, workers are added
//           as long as the running ones do not get on.
// Idling:   with nothing to run all workers sleep without a timeout.
// Fairness: a turn handles a bounded number of messages, in bounded time (turn.h); a chain of slots
//           is bounded as well.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "core/busy_wait.h"
#include "core/event_loop.h"
#include "core/parking.h"
#include "core/watcher.h"
#include "core/worker_pool.h"

namespace runtime {

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

  // 0, or the system's error number when it has no thread for a worker; some may run then, until stop().
  int start();
  // Ends the workers after their current turns, and waits for them.
  void stop();

  // Makes a service that has just become runnable run. Any thread.
  void schedule(Service* service);

  // From hold() to release_held(), which must follow, what this thread makes runnable is kept back.
  // So a worker is woken once for messages that come together, and its service finds them all. On a
  // worker: within one message. True: a worker that slept was woken for it.
  void hold();
  bool release_held();

  // Workers without work turn `loop` when it is offered. It stays until null is set, and after that
  // until no worker runs any more. Any thread.
  void set_event_loop(EventLoop* loop) { loop_.store(loop, std::memory_order_release); }

  std::size_t threads() const { return pool_.size(); }
  const Worker& worker(std::size_t index) const { return pool_[index]; }
  // Whether no service runs but the one that asks.
  bool is_only_worker() const { return pool_.size() == 1 && own_worker() != nullptr; }
  bool profile = true;  // CPU accounting; set before start()
  // How long a worker looks for events before it sleeps, at most (busy_wait.h); set before start().
  std::chrono::microseconds busy_wait{0};

 private:
  // The calling thread's worker, if it is one of these.
  Worker* own_worker() const;

  void work(Worker& self);
  Service* take(Worker& self);
  void run(Worker& self, Service* service);
  void wait(Worker& self);
  bool turn_loop(Worker& self);
  void wait_in(EventLoop& loop);
  void look_into_loop(Worker& self);
  void leave_loop_to_thread();
  // What schedule() does more rarely, apart so that the common way is short.
  [[gnu::noinline]] void hold_or_share(const Worker* self, Service* service);
  [[gnu::noinline]] void queue(Worker& self, Service* service);
  bool share(std::span<Service* const> services);
  bool wake_for_queued_work();

  const Release release_;
  Hooks hooks_;
  WorkerPool pool_;
  std::vector<std::thread> threads_;
  std::uint64_t turn_limit_cycles_ = 0;  // after which a turn takes no more messages
  std::uint64_t loop_look_cycles_ = 0;
  Parking parking_;
  Watcher watcher_;
  // The release in set_event_loop() pairs with the acquires of the workers.
  std::atomic<EventLoop*> loop_{nullptr};
  BusyWait waits_;  // of the worker that has borrowed the loop
};

}  // namespace runtime
