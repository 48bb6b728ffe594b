// Which workers sleep, which of the others look for work, and who is woken.
//
// A worker is, as the others see it,
//   active     at work, or about to be;
//   searching  active, but it has found nothing so far and looks around;
//   parked     on the list: it sleeps or is about to, and may be woken;
//   watching   neither active nor on the list: see Watcher.
// All begin searching. docs/design.md has the table of what leads from one to another.
//
// Promised: whoever puts work where searching workers look, and calls wake_for_work() after that,
//           can rely on it that a worker searches after that, or is woken, or that as many are
//           active as there are cores. For this a worker must look once more between park() and
//           sleep(), and when end_search() says so. test/model/parking.pml is the proof.
// Threads:  any; what names a worker, from that worker's own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/futex.h"
#include "core/event_loop.h"

namespace runtime {

class Parking {
 public:
  // Where a worker sleeps, or why it is woken.
  enum Wake : std::uint32_t { kAsleep, kInLoop, kWork, kWatch };
  enum class Outcome {
    woken,         // one that was parked: it searches now
    both_woken,    // the same, and another one, to watch
    searched,      // somebody searches already
    cores_busy,    // as many are active as there are cores, or workers
    nobody_parked  // a core is free, but all that are not active watch
  };

  Parking(std::size_t workers, std::uint32_t cores, Futex& futex);

  // ---- by a worker about itself ----

  // It searches and has found nothing, or it has found something: then true means that it was the
  // last one that searched, and must see to it that somebody looks for the rest.
  void begin_search() { searching_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool end_search();

  // Puts it, which searches, on the list. Then it must look once more for work, and call sleep(),
  // or leave() before.
  void park(std::size_t worker);
  // Takes it off the list, to search again or to watch. False: somebody is waking it, and sleep()
  // returns at once.
  [[nodiscard]] bool leave(std::size_t worker, Wake what);
  // Instead of sleep(): it is about to wait in `loop`, which whoever wakes it will wake; after that it
  // calls leave(), and sleep() if that fails. False: somebody has woken it already.
  [[nodiscard]] bool sleep_in(std::size_t worker, EventLoop& loop);
  // Until it is woken: it searches then, or is to watch.
  Wake sleep(std::size_t worker);
  // It has watched, and searches from now on. It will be preferred by wake_to_watch() to others,
  // and they by wake_for_work() to it: so watchers rarely change.
  void end_watch(std::size_t worker);
  // It ends: it was searching.
  void end();

  // ---- by those who have something for another ----

  Outcome wake_for_work();
  // The same, and if one is woken, so is another, to watch; the outcome is `woken` if there was none.
  Outcome wake_for_work_and_to_watch();
  // False: nobody was parked.
  bool wake_to_watch() { return wake_one(kWatch); }

  // Wakes all. Those that park from now on find stopping().
  void stop();
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  // ---- what there is ----

  bool anybody_parked() const {
    std::lock_guard lock(mutex_);
    return !parked_.empty();
  }
  std::uint32_t active() const { return active_.load(std::memory_order_relaxed); }
  bool watched_last(std::size_t worker) const {
    std::lock_guard lock(mutex_);
    return worker == last_watcher_;
  }
  bool all_active() const { return active() == words_.size(); }
  bool core_free() const { return active() < cores_; }
  bool anybody_searches() const { return searching_.load(std::memory_order_relaxed) != 0; }

 private:
  struct alignas(64) Word {
    // What a worker sleeps on. The release in tell() pairs with the acquire in sleep().
    std::atomic<std::uint32_t> wake{kAsleep};
  };

  // Why nobody is to be woken for work, if so.
  std::optional<Outcome> needs_nobody() const;
  // Takes the one off the list that is best for this. Nothing: it is empty. Under mutex_.
  std::optional<std::size_t> choose(Wake what);
  // Writes the word of one that was chosen. False: it waits in the loop, and has been woken.
  bool tell(std::size_t worker, Wake what);
  bool wake_one(Wake what);

  const std::uint32_t cores_;
  Futex& futex_;
  std::vector<Word> words_;  // one of each worker

  // The fence in park() pairs with that in needs_nobody(): either the one that parks sees the work,
  // or the one that has brought it sees these without it. So does the one in end_search().
  alignas(64) std::atomic<std::uint32_t> active_;
  std::atomic<std::uint32_t> searching_;
  // Written under mutex_, so that who parks after stop() finds it.
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;
  std::vector<std::size_t> parked_;  // guarded by mutex_; the last one parked is woken first
  std::size_t last_watcher_;         // guarded by mutex_; words_.size(): none so far
  // The one that waits in the loop, or did last. It is woken last: nobody else would turn the loop. An old value does no
  // harm, as tell() asks the word where it sleeps.
  std::atomic<std::size_t> in_loop_;
  // Where. Written before kInLoop in sleep_in(), whose release pairs with the acquire in tell().
  std::atomic<EventLoop*> loop_{nullptr};
};

}  // namespace runtime
