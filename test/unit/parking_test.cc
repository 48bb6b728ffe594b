// Parking and waking, with the other side between each of the steps. Nobody sleeps here but in the
// last test: the futex of the others runs what the test has planned for the time of the sleep.
#include "core/parking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "planned_futex.h"

namespace runtime {
namespace {

using Outcome = Parking::Outcome;

class ParkingTest : public testing::Test {
 protected:
  static constexpr std::size_t kWorkers = 3;
  static constexpr std::uint32_t kCores = 2;

  // As Scheduler::wait() does it, with what others do between its steps.
  Parking::Wake wait(std::size_t worker, auto parked, auto looked) {
    parking_.park(worker);
    parked();
    const bool found = work_ != 0 || parking_.stopping();
    looked();
    if (found && parking_.leave(worker, Parking::kWork)) return Parking::kWork;
    return parking_.sleep(worker);
  }
  Outcome bring_work() {
    ++work_;
    return parking_.wake_for_work();
  }
  // Leaves `workers` active, and none searching: they work.
  void park_all_but(std::size_t workers) {
    for (std::size_t worker = workers; worker < kWorkers; ++worker) parking_.park(worker);
    for (std::size_t worker = 0; worker < workers; ++worker) {
      EXPECT_EQ(parking_.end_search(), worker + 1 == workers);
    }
  }

  static constexpr auto kNothing = [] {};
  int work_ = 0;
  PlannedFutex futex_{Parking::kWork};
  Parking parking_{kWorkers, kCores, futex_};
};

// ---- no wake-up is lost ----

TEST_F(ParkingTest, WorkThatComesBeforeParkingIsFoundByTheLook) {
  park_all_but(1);
  parking_.begin_search();
  EXPECT_EQ(bring_work(), Outcome::searched);
  EXPECT_EQ(wait(0, kNothing, kNothing), Parking::kWork);
  EXPECT_EQ(parking_.active(), 1U);
  EXPECT_TRUE(parking_.anybody_searches());
  EXPECT_EQ(futex_.wakes, 0);
}

TEST_F(ParkingTest, WorkThatComesBetweenParkingAndTheLookWakes) {
  park_all_but(1);
  parking_.begin_search();
  EXPECT_EQ(wait(
                0, [&] { EXPECT_EQ(bring_work(), Outcome::woken); }, kNothing),
            Parking::kWork);
  EXPECT_EQ(parking_.active(), 1U) << "counted by the one that woke it, and not by itself again";
}

TEST_F(ParkingTest, WorkThatComesBetweenTheLookAndTheSleepWakes) {
  park_all_but(1);
  parking_.begin_search();
  EXPECT_EQ(wait(0, kNothing, [&] { EXPECT_EQ(bring_work(), Outcome::woken); }), Parking::kWork);
  EXPECT_EQ(parking_.active(), 1U);
}

TEST_F(ParkingTest, WorkThatComesDuringTheSleepWakes) {
  park_all_but(1);
  parking_.begin_search();
  futex_.meanwhile = {kNothing, [&] { EXPECT_EQ(bring_work(), Outcome::woken); }};
  EXPECT_EQ(wait(0, kNothing, kNothing), Parking::kWork) << "the futex may return for no reason";
  EXPECT_TRUE(futex_.meanwhile.empty());
  EXPECT_EQ(parking_.active(), 1U);
}

TEST_F(ParkingTest, OneThatIsBeingWokenCannotLeave) {
  park_all_but(1);
  parking_.begin_search();
  // It has found work, and is about to leave; meanwhile somebody wakes it for more.
  const auto both = [&] { work_ = 1; };
  EXPECT_EQ(wait(0, both, [&] { EXPECT_EQ(bring_work(), Outcome::woken); }), Parking::kWork);
  EXPECT_EQ(parking_.active(), 1U) << "counted once";
}

TEST_F(ParkingTest, TheLastThatSearchedIsTold) {
  park_all_but(2);
  parking_.begin_search();
  parking_.begin_search();
  EXPECT_FALSE(parking_.end_search());
  EXPECT_EQ(bring_work(), Outcome::cores_busy);
  EXPECT_TRUE(parking_.end_search());
}

// ---- one that waits in a loop instead ----

class FakeLoop : public EventLoop {
 public:
  int wakes = 0;
  std::function<void()> before_wake = [] {};

  bool borrow() override { return true; }
  bool wait(bool) override { return false; }
  void handle() override {}
  void put_back() override {}
  void give_back() override {}
  void wake() override {
    before_wake();
    ++wakes;
  }
};

class ParkingInALoop : public ParkingTest {
 protected:
  ParkingInALoop() {
    park_all_but(1);
    parking_.begin_search();
    parking_.park(0);  // after the others
  }
  // Takes the others off the list.
  void others_leave() {
    for (std::size_t worker = 1; worker < kWorkers; ++worker) {
      EXPECT_TRUE(parking_.leave(worker, Parking::kWatch));
    }
  }

  FakeLoop loop_;
};

TEST_F(ParkingInALoop, ItMayLeaveByItself) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  EXPECT_TRUE(parking_.leave(0, Parking::kWork));
  EXPECT_EQ(parking_.active(), 1U);
  EXPECT_EQ(loop_.wakes, 0);
}

TEST_F(ParkingInALoop, ItIsWokenThere) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  others_leave();
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(loop_.wakes, 1);
  EXPECT_EQ(futex_.wakes, 0);
  EXPECT_FALSE(parking_.leave(0, Parking::kWork));
  EXPECT_EQ(parking_.sleep(0), Parking::kWork);
}

TEST_F(ParkingInALoop, ItIsWokenThereToWatch) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  others_leave();
  EXPECT_TRUE(parking_.wake_to_watch());
  EXPECT_EQ(loop_.wakes, 1);
  EXPECT_FALSE(parking_.leave(0, Parking::kWork));
  EXPECT_EQ(parking_.sleep(0), Parking::kWatch);
}

TEST_F(ParkingInALoop, OneThatWasWokenBeforeDoesNotBeginToWait) {
  others_leave();
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_FALSE(parking_.sleep_in(0, loop_));
  EXPECT_EQ(parking_.sleep(0), Parking::kWork);
  EXPECT_EQ(loop_.wakes, 0);
}

TEST_F(ParkingInALoop, OneThatIsTakenOffTheListAndNotYetWokenSleepsForThat) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  others_leave();
  // Whoever wakes it has come to loop.wake(), and the loop has returned for another reason before.
  loop_.before_wake = [&] {
    EXPECT_FALSE(parking_.leave(0, Parking::kWork));
    EXPECT_EQ(parking_.sleep(0), Parking::kWork);
  };
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(loop_.wakes, 1);
}

TEST_F(ParkingInALoop, OneThatIsTakenOffTheListAndNotYetToldSleepsForThat) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  others_leave();
  ASSERT_TRUE(parking_.leave(0, Parking::kWork));  // in the place of whoever is about to wake it
  futex_.meanwhile = {[&] {
    parking_.park(0);
    EXPECT_EQ(bring_work(), Outcome::woken);
  }};
  EXPECT_EQ(parking_.sleep(0), Parking::kWork);
  EXPECT_EQ(loop_.wakes, 0) << "it is not there any more";
}

TEST_F(ParkingInALoop, OneThatHasJustBegunToWaitThereIsWokenThereToWork) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  FakeLoop other;
  ASSERT_TRUE(parking_.sleep_in(1, other));  // whoever wakes does not know of 0 yet
  EXPECT_EQ(parking_.wake_for_work_and_to_watch(), Outcome::both_woken);
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_EQ(parking_.sleep(0), Parking::kWork);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
}

TEST_F(ParkingInALoop, OthersAreWokenBeforeIt) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_TRUE(parking_.wake_to_watch());
  EXPECT_EQ(loop_.wakes, 0);
  EXPECT_EQ(futex_.wakes, 2);
  EXPECT_TRUE(parking_.wake_to_watch());
  EXPECT_EQ(loop_.wakes, 1);
}

TEST_F(ParkingInALoop, ItIsWokenThereWithOneThatWatches) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));
  EXPECT_EQ(parking_.wake_for_work_and_to_watch(), Outcome::both_woken);
  EXPECT_EQ(loop_.wakes, 1) << "as the last, to watch";
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_EQ(parking_.sleep(2), Parking::kWork);
  EXPECT_FALSE(parking_.leave(0, Parking::kWork));
  EXPECT_EQ(parking_.sleep(0), Parking::kWatch);
}

TEST_F(ParkingInALoop, TheEndWakesIt) {
  ASSERT_TRUE(parking_.sleep_in(0, loop_));
  parking_.stop();
  EXPECT_EQ(loop_.wakes, 1);
}

// ---- who is woken ----

TEST_F(ParkingTest, NobodyIsWokenWhileOneSearches) {
  park_all_but(1);
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(parking_.active(), 2U) << "at once, not when it has woken up";
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_EQ(bring_work(), Outcome::cores_busy);

  parking_.park(2);
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(futex_.wakes, 2);
}

TEST_F(ParkingTest, OneIsWokenForWorkAndAnotherToWatch) {
  park_all_but(1);
  EXPECT_EQ(parking_.wake_for_work_and_to_watch(), Outcome::both_woken);
  EXPECT_EQ(parking_.sleep(2), Parking::kWork);
  EXPECT_EQ(parking_.sleep(1), Parking::kWatch);
  EXPECT_EQ(parking_.active(), 2U) << "the watcher is not counted";
  EXPECT_EQ(futex_.wakes, 2);
}

TEST_F(ParkingTest, WithOneParkedNobodyIsWokenToWatch) {
  park_all_but(1);
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));
  EXPECT_EQ(parking_.wake_for_work_and_to_watch(), Outcome::woken);
  EXPECT_EQ(parking_.sleep(2), Parking::kWork);
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_TRUE(parking_.end_search());
  Parking watched(2, 2, futex_);
  EXPECT_FALSE(watched.end_search());
  watched.park(1);
  ASSERT_TRUE(watched.leave(1, Parking::kWatch));
  EXPECT_EQ(watched.wake_for_work_and_to_watch(), Outcome::nobody_parked);
}

TEST_F(ParkingTest, NobodyIsWokenToWatchIfNobodyIsForWork) {
  park_all_but(2);
  EXPECT_EQ(parking_.wake_for_work_and_to_watch(), Outcome::cores_busy);
  EXPECT_EQ(futex_.wakes, 0);
}

TEST_F(ParkingTest, TheLastThatWatchedIsKnown) {
  park_all_but(1);
  ASSERT_TRUE(parking_.leave(2, Parking::kWatch));
  EXPECT_FALSE(parking_.watched_last(2));
  parking_.end_watch(2);
  EXPECT_TRUE(parking_.watched_last(2));
  EXPECT_FALSE(parking_.watched_last(1));
}

TEST_F(ParkingTest, OneThatWillSearchStandsForAll) {
  for (std::size_t worker = 0; worker < kWorkers; ++worker) parking_.park(worker);
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(bring_work(), Outcome::searched);
  EXPECT_TRUE(parking_.end_search());
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(futex_.wakes, 2);
}

TEST_F(ParkingTest, NoMoreWorkThanThereAreCores) {
  park_all_but(2);
  EXPECT_FALSE(parking_.core_free());
  EXPECT_EQ(bring_work(), Outcome::cores_busy);
  EXPECT_EQ(futex_.wakes, 0);
}

TEST_F(ParkingTest, OneWorkerOnManyCoresIsEnough) {
  Parking alone(1, 8, futex_);
  EXPECT_TRUE(alone.end_search());
  EXPECT_TRUE(alone.all_active());
  EXPECT_EQ(alone.wake_for_work(), Outcome::cores_busy);
}

TEST_F(ParkingTest, TheLastOneParkedIsWokenFirst) {
  park_all_but(1);
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(parking_.sleep(2), Parking::kWork);
  EXPECT_TRUE(parking_.leave(1, Parking::kWork)) << "the other is still there";
}

// ---- watching ----

TEST_F(ParkingTest, OneThatLeavesToWatchIsNotActive) {
  park_all_but(1);
  EXPECT_TRUE(parking_.leave(1, Parking::kWatch));
  EXPECT_EQ(parking_.active(), 1U);
  EXPECT_FALSE(parking_.anybody_searches());
  parking_.end_watch(1);
  EXPECT_EQ(parking_.active(), 2U);
  EXPECT_TRUE(parking_.anybody_searches());
}

TEST_F(ParkingTest, OneThatIsCalledToWatchIsNotActive) {
  park_all_but(1);
  EXPECT_TRUE(parking_.wake_to_watch());
  EXPECT_EQ(parking_.active(), 1U);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
}

TEST_F(ParkingTest, WhoWatchedLastWatchesAgainAndTheOthersWork) {
  park_all_but(1);
  EXPECT_TRUE(parking_.leave(1, Parking::kWatch));
  parking_.end_watch(1);
  parking_.park(1);  // after 2
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(parking_.sleep(2), Parking::kWork);
  EXPECT_TRUE(parking_.end_search());
  parking_.begin_search();
  parking_.park(2);  // after 1
  EXPECT_TRUE(parking_.wake_to_watch());
  EXPECT_EQ(parking_.sleep(1), Parking::kWatch);
}

TEST_F(ParkingTest, WhoWatchedLastWorksIfNobodyElseIsThere) {
  park_all_but(1);
  EXPECT_TRUE(parking_.leave(2, Parking::kWatch));
  EXPECT_TRUE(parking_.leave(1, Parking::kWatch));
  parking_.end_watch(1);
  parking_.park(1);
  EXPECT_EQ(bring_work(), Outcome::woken);
  EXPECT_EQ(parking_.sleep(1), Parking::kWork);
  EXPECT_TRUE(parking_.end_search());
  EXPECT_FALSE(parking_.wake_to_watch()) << "nobody is parked";
}

TEST_F(ParkingTest, WhoBringsWorkHearsThatAllOthersWatch) {
  park_all_but(1);
  EXPECT_TRUE(parking_.leave(1, Parking::kWatch));
  EXPECT_TRUE(parking_.leave(2, Parking::kWatch));
  EXPECT_EQ(bring_work(), Outcome::nobody_parked);
}

// ---- the end ----

TEST_F(ParkingTest, AStopBeforeParkingIsFoundByTheLook) {
  park_all_but(1);
  parking_.begin_search();
  parking_.stop();
  EXPECT_EQ(wait(0, kNothing, kNothing), Parking::kWork);
}

TEST_F(ParkingTest, AStopBetweenParkingAndTheLookWakes) {
  park_all_but(1);
  parking_.begin_search();
  EXPECT_EQ(wait(
                0, [&] { parking_.stop(); }, kNothing),
            Parking::kWork);
  EXPECT_EQ(futex_.wakes, 3);
}

TEST_F(ParkingTest, AStopBetweenTheLookAndTheSleepWakes) {
  park_all_but(1);
  parking_.begin_search();
  EXPECT_EQ(wait(0, kNothing, [&] { parking_.stop(); }), Parking::kWork);
}

TEST_F(ParkingTest, AStopDuringTheSleepWakesAll) {
  park_all_but(1);
  parking_.begin_search();
  futex_.meanwhile = {[&] { parking_.stop(); }};
  EXPECT_EQ(wait(0, kNothing, kNothing), Parking::kWork);
  EXPECT_EQ(parking_.sleep(1), Parking::kWork);
  EXPECT_EQ(parking_.sleep(2), Parking::kWork);
  for (std::size_t i = 0; i < kWorkers; ++i) parking_.end();
  EXPECT_EQ(parking_.active(), 0U);
  EXPECT_FALSE(parking_.anybody_searches());
}

// For ThreadSanitizer, and for the kernel's futex: threads that bring one piece of work at a time
// to workers that park whenever there is none.
TEST(ParkingThreads, AllWorkIsDoneAndAllWorkersEnd) {
  constexpr int kWork = 30'000;
  Parking parking(3, 2, kernel_futex());
  std::atomic<int> waiting{0}, done{0};
  std::vector<std::thread> threads;
  for (std::size_t self = 0; self < 3; ++self) {
    threads.emplace_back([&, self] {
      bool searching = true;
      while (!parking.stopping()) {
        int seen = waiting.load(std::memory_order_relaxed);
        while (seen > 0 && !waiting.compare_exchange_weak(seen, seen - 1)) {
        }
        if (seen > 0) {
          if (searching && parking.end_search() && waiting.load(std::memory_order_relaxed) > 0)
            parking.wake_for_work();
          searching = false;
          done.fetch_add(1);
          continue;
        }
        if (!searching) {
          parking.begin_search();
          searching = true;
          continue;
        }
        parking.park(self);
        const bool found = waiting.load(std::memory_order_relaxed) > 0 || parking.stopping();
        if (!found || !parking.leave(self, Parking::kWork)) parking.sleep(self);
      }
      if (!searching) parking.begin_search();
      parking.end();
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  for (int brought = 1; brought <= kWork; ++brought) {
    waiting.fetch_add(1, std::memory_order_relaxed);
    parking.wake_for_work();
    while ((brought % 3 == 0 || brought == kWork) && done.load() < brought) {
      std::this_thread::yield();
      if (std::chrono::steady_clock::now() < deadline) continue;
      ADD_FAILURE() << "a wake-up was lost";
      break;
    }
  }
  parking.stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(parking.active(), 0U);
  EXPECT_FALSE(parking.anybody_searches());
}

}  // namespace
}  // namespace runtime
