// The watcher: a worker without work that looks now and then whether what others are to run stands
// still because their message takes long, and takes it over.
//
// There is one at a time, or none: the state says so.
//   kNobody  nobody watches. Whoever fills a slot calls one that is parked.
//   kLooks   one watches, or has been called and is waking up. It needs no call.
//   kDozes   one watches, but looks rarely, as some worker is held up. Whoever leaves work behind
//            wakes it.
//
//   kNobody -> kLooks   begin(), by one that parks while others work; call(), for one that is parked
//   kLooks  -> kDozes   by the watcher, when it has seen a worker held up
//   kDozes  -> kLooks   call(), or the watcher, after its sleep
//   kLooks  -> kNobody  cancel(), or the watcher, when it ends
//
// Promised: a service in a slot or a queue whose worker stays at one message is with another worker
//           after kFirstLookNs * 3, or kHeldUpNs more where it takes long to wake up (first_interval()),
//           if a core is free and a worker; else when the message has taken
//           longer than kBlockedNs, and no more than a look later.
// Idling:   when nothing runs and no slot was used for kQuietLooks looks, it ends.
// Threads:  call() and what uses it from any; the rest from the worker that watches.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/futex.h"
#include "core/parking.h"
#include "core/worker_pool.h"

namespace runtime {

class Watcher {
 public:
  enum State : std::uint32_t { kNobody, kLooks, kDozes };

  // The looks: soon after there is something to watch, then less and less often.
  static constexpr std::int64_t kFirstLookNs = 15'000;
  static constexpr std::int64_t kLastLookNs = 500'000;    // while cores are free
  static constexpr std::int64_t kBusyLookNs = 1'000'000;  // while all cores are at work
  // A message that takes longer may be waiting for something: workers beyond the number of cores
  // are brought in.
  static constexpr std::int64_t kBlockedNs = 2'000'000;
  static constexpr std::int64_t kHeldUpNs =
      100'000;  // one that takes longer will take longer still
  // A turn of short messages, of which at most 8 go by without a new mark, does not take so long.
  static constexpr std::int64_t kLongTurnNs = 30'000;
  static constexpr int kQuietLooks = 3;

  using Clock = std::int64_t (*)();                   // monotonic, ns
  using SinceMark = std::int64_t (*)(const Worker&);  // ns since Worker::mark()

  Watcher(WorkerPool& pool, Parking& parking, Futex& futex, Clock clock, SinceMark since_mark)
      : pool_(pool),
        parking_(parking),
        futex_(futex),
        clock_(clock),
        since_mark_(since_mark),
        sightings_(pool.size()) {}

  // ---- by those who leave something behind; `self` is null on threads that are no workers ----

  // `self` has put a service into its slot.
  void slot_filled(const Worker* self) {
    // Old values do no harm: one of a watcher that has just ended is of one that looks once more
    // before it sleeps (begin()).
    if (state_.load(std::memory_order_relaxed) != kLooks) call(self);
  }
  // Something was queued: Parking::wake_for_work(). A thread that is no worker calls the watcher together
  // with the worker that it wakes, if slots were used lately: else that worker would pay for the
  // wake-up, and whoever waits for its answers.
  Parking::Outcome wake_for_work(const Worker* self);
  // Calls the watcher, unless one looks or cannot be had.
  // `between`: between a call in vain and its end.
  template <class Between = Worker::Nothing>
  void call(const Worker* self, Between between = {}) {
    if (parking_.all_active() || wake_dozing()) return;
    while (take_office()) {
      called_ns_ = clock_();
      // The time that the watcher takes to wake up counts as well.
      if (self != nullptr) sightings_[self->index()] = Sighting{self->sighting(), called_ns_};
      if (parking_.wake_to_watch()) return;
      between();
      leave_office();
      // One that has parked meanwhile has seen us in office, and sleeps. Pairs with the fence in
      // Parking::park().
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (!parking_.anybody_parked()) return;
    }
  }

  // ---- by a worker that has parked ----

  // Whether it is the watcher now: others are active, and nobody watches. A worker that ends to
  // watch parks next and asks here, behind the fence of park(): so it sees who became active while
  // it ended.
  [[nodiscard]] bool begin();
  // It was not to be: somebody has woken it to work. Others may have relied on it meanwhile.
  void cancel() {
    leave_office();
    // One that has parked meanwhile has seen us in office, and sleeps: call() is to see it. Pairs with
    // the fence in Parking::park().
    std::atomic_thread_fence(std::memory_order_seq_cst);
    call(nullptr);
  }

  // ---- by a worker that is about to sleep ----

  // One that has watched gets its usual slice back; not so the one that watched last, which will be
  // called again. Now, as one that gets it at work gives way to nobody, be it the watcher.
  void rest(Worker& self) {
    if (self.slice.is_short() && !parking_.watched_last(self.index())) self.slice.restore();
  }

  // ---- by the watcher, which is neither parked nor active ----

  // Watches until there is something to do for `self`, or nothing to watch. On return `self`
  // searches; what it has taken over is in its queue.
  void watch(Worker& self);

 private:
  // What was seen of a worker at one time.
  struct Sighting {
    Worker::Sighting seen;
    std::int64_t ns;
  };
  struct Look {
    Service* stalled = nullptr;  // waited since an earlier look; now the watcher's
    bool slots_used = false;     // since the last look
    bool held_up = false;        // a worker is at one message for long
    bool at_work = false;        // some worker is
  };
  Look look();
  // Until it is time to look again, `interval` from now, or somebody calls: true.
  bool sleep(State state, std::int64_t interval);
  // How long the first sleep takes, if the worker is still to begin for which it was called; else 0.
  std::int64_t first_interval(const Look& seen);
  bool take_office();
  void leave_office();
  // Whether the watcher dozes: then it is woken, if it could do something.
  bool wake_dozing();

  WorkerPool& pool_;
  Parking& parking_;
  Futex& futex_;
  const Clock clock_;
  const SinceMark since_mark_;
  // The last sighting of each worker; for who has set state_ to kLooks, then for the watcher that it
  // has called (Parking::wake_to_watch()). The release of whoever sets kNobody pairs with the acquire
  // in take_office().
  std::vector<std::optional<Sighting>> sightings_;
  // When the watcher was called; 0: it came by itself. As sightings_.
  std::int64_t called_ns_ = 0;
  // How often slots had been filled when the last watch ended that took nothing over. As sightings_.
  std::uint32_t filled_ = 0;
  // Whether they had since the one before, or something was taken over. A wrong value costs a
  // wake-up, so nothing pairs with it.
  std::atomic<bool> expected_{false};
  // What the watcher sleeps on.
  alignas(64) std::atomic<std::uint32_t> state_{kNobody};
};

}  // namespace runtime
