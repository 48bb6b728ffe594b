// Slot and queue of a worker, with others coming between each of its steps.
#include "core/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/scheduler.h"

namespace runtime {
namespace {

// Services are only pointers to a worker.
Service* service(std::uintptr_t number) { return reinterpret_cast<Service*>(number << 8); }
std::uintptr_t number(Service* service) { return reinterpret_cast<std::uintptr_t>(service) >> 8; }

class WorkerTest : public testing::Test {
 protected:
  void enqueue(Worker& worker, std::uintptr_t first, std::uintptr_t last) {
    for (std::uintptr_t i = first; i <= last; ++i) {
      Service* const one = service(i);
      worker.enqueue({&one, 1});
    }
  }
  // All that take() gives, in order.
  std::vector<std::uintptr_t> taken(Worker& worker) {
    std::vector<std::uintptr_t> numbers;
    while (Service* next = worker.take()) numbers.push_back(number(next));
    return numbers;
  }
  using Numbers = std::vector<std::uintptr_t>;

  Scheduler scheduler_{1, nullptr};  // nobody starts it
  Worker own_{scheduler_, 0}, other_{scheduler_, 1};
};

TEST_F(WorkerTest, TheSlotComesBeforeTheQueue) {
  enqueue(own_, 1, 2);
  EXPECT_EQ(own_.put_next(service(3)), nullptr);
  EXPECT_EQ(taken(own_), (Numbers{3, 1, 2}));
  EXPECT_FALSE(own_.has_next());
  EXPECT_EQ(own_.queued(), 0U);
}

TEST_F(WorkerTest, WhatWasInTheSlotIsGivenBack) {
  EXPECT_EQ(own_.put_next(service(1)), nullptr);
  EXPECT_EQ(own_.put_next(service(2)), service(1));
  EXPECT_EQ(taken(own_), Numbers{2});
}

TEST_F(WorkerTest, AChainOfSlotsEndsWhenSomethingWaits) {
  enqueue(own_, 1, 1);
  for (std::uint32_t i = 0; i < Worker::kSlotChain; ++i) {
    EXPECT_EQ(own_.put_next(service(2)), nullptr);
    EXPECT_EQ(own_.take(), service(2));
  }
  EXPECT_EQ(own_.put_next(service(2)), nullptr);
  EXPECT_EQ(taken(own_), (Numbers{1, 2})) << "the one in the slot is not lost, but comes behind";
  // The count begins again.
  enqueue(own_, 1, 1);
  EXPECT_EQ(own_.put_next(service(2)), nullptr);
  EXPECT_EQ(taken(own_), (Numbers{2, 1}));
}

TEST_F(WorkerTest, AChainOfSlotsGoesOnWhenNothingWaits) {
  for (std::uint32_t i = 0; i < 3 * Worker::kSlotChain; ++i) {
    EXPECT_EQ(own_.put_next(service(1)), nullptr);
    EXPECT_EQ(own_.take(), service(1));
  }
}

TEST_F(WorkerTest, SharedWorkIsLookedAtAsOftenAsPromised) {
  int first = 0;
  for (int i = 0; i < 610; ++i) first += own_.time_for_shared() ? 1 : 0;
  EXPECT_EQ(first, 10);
}

// ---- the slot, with a watcher between the steps ----

TEST_F(WorkerTest, TheWatcherTakesTheSlotBeforeTheWorkerDoes) {
  EXPECT_EQ(own_.put_next(service(1)), nullptr);
  enqueue(own_, 2, 2);
  Service* watchers = nullptr;
  EXPECT_EQ(own_.take([&] { watchers = own_.take_next(); }), service(2));
  EXPECT_EQ(watchers, service(1)) << "one of them has it, not both and not none";
}

TEST_F(WorkerTest, TheWorkerTakesTheSlotBeforeTheWatcherDoes) {
  EXPECT_EQ(own_.put_next(service(1)), nullptr);
  Service* workers = nullptr;
  EXPECT_EQ(own_.take_next([&] { workers = own_.take(); }), nullptr);
  EXPECT_EQ(workers, service(1));
}

TEST_F(WorkerTest, TheWatcherTakesWhatWasPutInSinceItLooked) {
  EXPECT_EQ(own_.put_next(service(1)), nullptr);
  const auto later = [&] { EXPECT_EQ(own_.put_next(service(2)), service(1)); };
  EXPECT_EQ(own_.take_next(later), service(2));
  EXPECT_FALSE(own_.has_next());
}

TEST_F(WorkerTest, TheSlotIsEmptiedWhileItsOwnerFillsIt) {
  EXPECT_EQ(own_.put_next(service(1)), nullptr);
  Service* watchers = nullptr;
  EXPECT_EQ(own_.put_next(service(2), [&] { watchers = own_.take_next(); }), nullptr)
      << "it would run twice: the watcher has it, and the owner would enqueue it";
  EXPECT_EQ(watchers, service(1));
  EXPECT_EQ(taken(own_), Numbers{2});
}

TEST_F(WorkerTest, TheSlotIsEmptiedWhileItsTurnIsOver) {
  enqueue(own_, 1, 1);
  for (std::uint32_t i = 0; i < Worker::kSlotChain; ++i) {
    EXPECT_EQ(own_.put_next(service(2)), nullptr);
    EXPECT_EQ(own_.take(), service(2));
  }
  EXPECT_EQ(own_.put_next(service(2)), nullptr);
  Service* watchers = nullptr;
  EXPECT_EQ(own_.take([&] { watchers = own_.take_next(); }), service(1));
  EXPECT_EQ(watchers, service(2));
  EXPECT_EQ(own_.take(), nullptr);
}

// ---- stealing ----

TEST_F(WorkerTest, HalfOfAQueueIsStolenFromItsFront) {
  enqueue(other_, 1, 5);
  EXPECT_EQ(own_.steal(other_), service(1));
  EXPECT_EQ(taken(own_), (Numbers{2, 3}));
  EXPECT_EQ(taken(other_), (Numbers{4, 5}));
}

TEST_F(WorkerTest, TheLastOneIsStolenToo) {
  enqueue(other_, 1, 1);
  EXPECT_EQ(own_.steal(other_), service(1));
  EXPECT_EQ(own_.queued() + other_.queued(), 0U);
  EXPECT_EQ(own_.steal(other_), nullptr);
}

TEST_F(WorkerTest, NoMoreIsStolenThanPromised) {
  enqueue(other_, 1, 200);
  EXPECT_EQ(own_.steal(other_), service(1));
  EXPECT_EQ(own_.queued(), Worker::kMostStolen - 1);
  EXPECT_EQ(other_.queued(), 200 - Worker::kMostStolen);
}

TEST_F(WorkerTest, TheSlotIsNotStolen) {
  EXPECT_EQ(other_.put_next(service(1)), nullptr);
  EXPECT_EQ(own_.steal(other_), nullptr);
  EXPECT_TRUE(other_.has_next());
}

TEST_F(WorkerTest, ThePopComesBeforeTheTheft) {
  enqueue(other_, 1, 1);
  Service* popped = nullptr;
  EXPECT_EQ(own_.steal(other_, [&] { popped = other_.pop(); }), nullptr);
  EXPECT_EQ(popped, service(1));
  EXPECT_EQ(own_.queued(), 0U);
}

TEST_F(WorkerTest, TheTheftComesBeforeThePop) {
  enqueue(other_, 1, 2);
  Service* stolen = nullptr;
  EXPECT_EQ(other_.pop([&] { stolen = own_.steal(other_); }), service(2));
  EXPECT_EQ(stolen, service(1));
  EXPECT_EQ(other_.pop([&] { stolen = own_.steal(other_); }), nullptr);
}

TEST_F(WorkerTest, TwoThievesShareWhatThereIs) {
  Worker third(scheduler_, 2);
  enqueue(other_, 1, 4);
  Service* first = nullptr;
  EXPECT_EQ(own_.steal(other_, [&] { first = third.steal(other_); }), service(3));
  EXPECT_EQ(first, service(1));
  EXPECT_EQ(taken(third), Numbers{2});
  EXPECT_EQ(taken(other_), Numbers{4});
}

TEST_F(WorkerTest, TwoWorkersStealFromEachOther) {
  enqueue(own_, 1, 2);
  enqueue(other_, 3, 4);
  Service* others = nullptr;
  EXPECT_EQ(own_.steal(other_, [&] { others = other_.steal(own_); }), service(3));
  EXPECT_EQ(others, service(1));
  EXPECT_EQ(taken(own_), Numbers{2});
  EXPECT_EQ(taken(other_), Numbers{4});
}

// For ThreadSanitizer above all: the owner fills slot and queue and takes from them, a watcher
// empties the slot, a thief steals.
TEST_F(WorkerTest, EachServiceIsTakenOnceByThreadsThatKnowNothingOfEachOther) {
  constexpr std::uintptr_t kServices = 20'000;
  std::vector<int> written(kServices + 1);  // before the service is put in; read by who takes it
  std::vector<std::atomic<int>> times(kServices + 1);
  std::atomic<std::uintptr_t> left{kServices};
  const auto note = [&](Service* one) {
    if (one == nullptr) return;
    EXPECT_EQ(written[number(one)], 1);
    times[number(one)].fetch_add(1);
    left.fetch_sub(1);
  };
  std::thread watcher([&] {
    while (left.load() != 0) note(own_.take_next());
  });
  std::thread thief([&] {
    while (left.load() != 0) {
      note(other_.steal(own_));
      while (Service* one = other_.take()) note(one);
    }
  });
  for (std::uintptr_t i = 1; i <= kServices; ++i) {
    written[i] = 1;
    if (Service* displaced = own_.put_next(service(i))) own_.enqueue({&displaced, 1});
    if (i % 3 == 0) note(own_.take());
  }
  while (Service* one = own_.take()) note(one);
  watcher.join();
  thief.join();
  for (std::uintptr_t i = 1; i <= kServices; ++i) ASSERT_EQ(times[i].load(), 1) << i;
}

// ---- what others see ----

TEST_F(WorkerTest, ASightingChangesWithTheSlotAndWithEachMessage) {
  const auto before = own_.sighting();
  enqueue(own_, 1, 1);
  EXPECT_EQ(own_.sighting(), before);
  EXPECT_EQ(own_.put_next(service(2)), nullptr);
  const auto filled = own_.sighting();
  EXPECT_NE(filled, before);
  EXPECT_EQ(own_.take(), service(2));
  EXPECT_EQ(own_.put_next(service(2)), nullptr);
  EXPECT_NE(own_.sighting(), filled) << "it is not the one that was there before";
  const auto again = own_.sighting();
  own_.note_message(7);
  EXPECT_NE(own_.sighting(), again);
  EXPECT_EQ(own_.progress().source, 7U);
}

}  // namespace
}  // namespace runtime
