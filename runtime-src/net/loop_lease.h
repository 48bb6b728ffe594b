// Who turns the loop of an I/O thread: the thread itself, or a worker in its place (core/event_loop.h).
//
//   kOwned      the thread turns it
//   kOffered    nobody does; a worker may
//   kBorrowed   a worker does
//   kUnwatched  the same, and the thread sleeps until that worker puts it back
//
//   kOwned     -> kOffered    offer()
//   kOffered   -> kBorrowed   borrow()
//   kOffered   -> kOwned      the thread, in stand_by(): no worker has turned it since its last look
//   kBorrowed  -> kOffered    put_back()
//   kBorrowed  -> kOwned      give_back()
//   kBorrowed  -> kUnwatched  the thread, in stand_by(): a worker has been waiting for long
//   kUnwatched -> kOffered    put_back(), which wakes the thread
//   kUnwatched -> kOwned      give_back()
//
// Promised: a loop that no worker turns is its thread's again after two looks. So a message that takes
//           long delays what comes in meanwhile by kLastLookNs * 2, or kQuietLookNs * 2 if nothing had
//           come for a while.
//           What one has done in the loop is seen by the one that turns it next.
// Idling:   the thread looks kQuietLooks times whether a waiting worker goes on, then no more.
// Proof:    test/model/loop_lease.pml.
// Threads:  offer() and stand_by() from the thread, which has the loop; borrow() from any; put_back()
//           and give_back() from the worker that has borrowed it.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/futex.h"

namespace runtime {

class LoopLease {
 public:
  enum State : std::uint32_t { kOwned, kOffered, kBorrowed, kUnwatched };

  // The looks. The first one gives a worker that was woken the time to come to the loop.
  static constexpr std::int64_t kFirstLookNs = 200'000;
  static constexpr std::int64_t kLastLookNs = 500'000;
  static constexpr std::int64_t kQuietLookNs = 2'000'000;  // while a worker waits
  static constexpr int kQuietLooks = 25;

  explicit LoopLease(Futex& futex) : futex_(futex) {}

  void offer() { state_.store(kOffered, std::memory_order_release); }
  // Returns when the loop is the thread's again.
  void stand_by();

  [[nodiscard]] bool borrow();
  void put_back();
  void give_back();

 private:
  void call_thread();
  bool take_back();
  void sleep_until_put_back();

  Futex& futex_;
  // Each release (offer(), put_back(), give_back()) pairs with the acquire of the one that has the loop next (borrow(),
  // take_back(), stand_by()).
  std::atomic<std::uint32_t> state_{kOwned};
  // Counts borrow(). The thread compares old and new values only: nothing pairs with it.
  std::atomic<std::uint32_t> turns_{0};
  // What the thread sleeps on; 1: it is called. The release in call_thread() pairs with the acquire in
  // stand_by(), which sees why.
  std::atomic<std::uint32_t> call_{0};
};

}  // namespace runtime
