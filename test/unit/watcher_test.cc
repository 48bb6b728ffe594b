// The watcher's looks, with a clock and a futex of the test: time passes only while it sleeps, and
// then others do what the test has planned.
#include "core/watcher.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <vector>

#include "core/scheduler.h"

namespace runtime {
namespace {

// Services are only pointers here.
Service* service(std::uintptr_t number) { return reinterpret_cast<Service*>(number << 8); }

std::int64_t now_ns = 0;
std::int64_t since_mark_ns = 0;  // of every worker

class TimeFutex : public Futex {
 public:
  std::deque<std::function<void()>> meanwhile;  // one a sleep of the watcher
  std::vector<std::int64_t> sleeps;             // how long each was to be
  int wakes = 0, both_wakes = 0;
  std::function<void()> before_sleep;
  // Ends a watch that the test has expected to end before.
  std::function<void()> give_up;

  void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
            std::optional<std::chrono::nanoseconds> timeout) override {
    if (!timeout) {
      EXPECT_NE(word.load(), expected) << "it sleeps for good";
      word.store(Parking::kWork);
      return;
    }
    sleeps.push_back(timeout->count());
    if (before_sleep) before_sleep();
    if (word.load() != expected) return;
    now_ns += timeout->count();
    if (!meanwhile.empty()) {
      const auto next = std::move(meanwhile.front());
      meanwhile.pop_front();
      next();
    } else if (sleeps.size() > 1000) {
      give_up();
    }
  }
  void wake(std::atomic<std::uint32_t>&) override { ++wakes; }
  void wake_both(std::atomic<std::uint32_t>&, std::atomic<std::uint32_t>&) override {
    wakes += 2;
    ++both_wakes;
  }
};

// Worker 0 works at one message, worker 2 is the watcher, worker 1 is parked.
class WatcherTest : public testing::Test {
 protected:
  explicit WatcherTest(std::uint32_t cores = 2)
      : parking_(3, cores, futex_), self_(pool_[2]), busy_(pool_[0]) {
    now_ns = 1'000'000'000;
    since_mark_ns = 0;
    futex_.give_up = [this] {
      ADD_FAILURE() << "it watches for ever";
      parking_.stop();
    };
  }
  void park_others() {
    parking_.park(1);
    parking_.park(2);
    EXPECT_TRUE(parking_.end_search());
  }
  // The watcher's side of Scheduler::wait().
  void watch() {
    park_others();
    ASSERT_TRUE(watcher_.begin());
    ASSERT_TRUE(parking_.leave(2, Parking::kWatch));
    watcher_.watch(self_);
  }
  void enqueue(Worker& worker, Service* one) { worker.enqueue({&one, 1}); }
  void fill(Service* one) {
    EXPECT_EQ(busy_.put_next(one), nullptr);
    watcher_.slot_filled(&busy_);
  }
  void fill_again(Service* one) {
    EXPECT_NE(busy_.take(), nullptr);
    fill(one);
  }
  std::int64_t slept() const {
    std::int64_t sum = 0;
    for (const std::int64_t ns : futex_.sleeps) sum += ns;
    return sum;
  }
  // The busy worker runs what is in its slot, if anything, and parks.
  void finish() {
    busy_.take();
    parking_.begin_search();
    parking_.park(0);
  }
  // As a thread that is no worker.
  Parking::Outcome bring_work() { return watcher_.wake_for_work(nullptr); }
  // The busy worker goes on to another message.
  void go_on() { busy_.note_message(1); }

  Scheduler scheduler_{1, nullptr};  // nobody starts it
  WorkerPool pool_{scheduler_, 3};
  TimeFutex futex_;
  Parking parking_;
  Watcher watcher_{pool_, parking_, futex_, [] { return now_ns; },
                   [](const Worker&) { return since_mark_ns; }};
  Worker& self_;
  Worker& busy_;
};

class WatcherOnOneCore : public WatcherTest {
 protected:
  WatcherOnOneCore() : WatcherTest(1) {}
};

// ---- what it takes over ----

TEST_F(WatcherTest, ItTakesWhatWaitsInASlotWhileTheWorkerStaysAtOneMessage) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_FALSE(busy_.has_next());
  EXPECT_EQ(slept(), Watcher::kFirstLookNs);
  EXPECT_EQ(parking_.active(), 2U);
  EXPECT_TRUE(parking_.anybody_searches());
  EXPECT_EQ(futex_.wakes, 1) << "the next watcher was called: this one may be held up as well";
}

TEST_F(WatcherTest, ALongTurnNeedsNoSecondLook) {
  busy_.begin(service(9), 9);
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  since_mark_ns = Watcher::kLongTurnNs;
  watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_EQ(slept(), 0);
}

TEST_F(WatcherTest, AShortTurnNeedsASecondLook) {
  busy_.begin(service(9), 9);
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  since_mark_ns = Watcher::kLongTurnNs - 1;
  watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_EQ(slept(), Watcher::kFirstLookNs);
}

TEST_F(WatcherTest, TheTimeSinceAWorkerWasLastAtWorkIsNoTurn) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  since_mark_ns = 10 * Watcher::kLongTurnNs;
  watch();
  EXPECT_EQ(slept(), Watcher::kFirstLookNs);
}

TEST_F(WatcherTest, ItSearchesAtOnceWhenSomethingIsQueuedAndACoreIsFree) {
  enqueue(busy_, service(1));
  watch();
  EXPECT_EQ(slept(), 0);
  EXPECT_TRUE(parking_.anybody_searches());
  EXPECT_EQ(self_.take(), nullptr) << "stealing comes next";
  EXPECT_EQ(self_.steal(busy_), service(1));
}

TEST_F(WatcherTest, ItLeavesASlotAloneWhoseWorkerGetsOn) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  for (int i = 0; i < 20; ++i) futex_.meanwhile.push_back([&] { go_on(); });
  watch();
  EXPECT_EQ(futex_.sleeps.size(), 21U)
      << "it took the slot when the worker did not get on any more";
  EXPECT_EQ(self_.take(), service(1));
}

TEST_F(WatcherTest, ItLeavesAloneWhatWasPutIntoTheSlotSinceItLooked) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] {
    EXPECT_EQ(busy_.take(), service(1));
    fill(service(2));  // for it, the clock begins now
  }};
  watch();
  EXPECT_EQ(futex_.sleeps.size(), 2U);
  EXPECT_EQ(self_.take(), service(2));
}

TEST_F(WatcherTest, TheWorkerIsFaster) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] { EXPECT_EQ(busy_.take(), service(1)); }, [&] { parking_.stop(); }};
  watch();
  EXPECT_EQ(self_.take(), nullptr);
}

TEST_F(WatcherOnOneCore, WithAllCoresAtWorkItWaitsUntilAMessageMayBeBlocked) {
  enqueue(busy_, service(1));
  watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_GE(slept(), Watcher::kBlockedNs);
  EXPECT_LE(slept(), Watcher::kBlockedNs + Watcher::kBusyLookNs);
}

TEST_F(WatcherOnOneCore, WithAllCoresAtWorkALongTurnIsLeftAlone) {
  busy_.begin(service(9), 9);
  enqueue(busy_, service(1));
  since_mark_ns = Watcher::kBlockedNs;
  watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_GE(slept(), Watcher::kBlockedNs);
}

TEST_F(WatcherOnOneCore, WhatOtherThreadsLeftIsTakenWhenAMessageMayBeBlocked) {
  busy_.begin(service(9), 9);
  Service* const shared = service(1);
  pool_.share({&shared, 1});
  watch();
  EXPECT_EQ(self_.take(), shared);
  EXPECT_GE(slept(), Watcher::kBlockedNs);
}

// ---- who calls, and when it sleeps ----

TEST_F(WatcherTest, ASlotThatIsFilledCallsAWatcher) {
  park_others();
  fill(service(1));
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
  fill_again(service(2));
  EXPECT_EQ(futex_.wakes, 1) << "one is enough";
  EXPECT_FALSE(watcher_.begin());
}

TEST_F(WatcherTest, WhoBringsWorkCallsItIfSlotsWereUsedLately) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  parking_.park(2);
  EXPECT_EQ(bring_work(), Parking::Outcome::both_woken);
  EXPECT_EQ(futex_.wakes, 2) << "a worker, and the watcher";
  EXPECT_EQ(futex_.both_wakes, 1) << "the worker may take the caller's core at once";
  EXPECT_EQ(parking_.sleep(0), Parking::kWork);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
  // This time no slot is used.
  futex_.meanwhile = {[&] { parking_.park(0); }};
  watcher_.watch(self_);
  parking_.park(2);
  EXPECT_EQ(bring_work(), Parking::Outcome::woken);
  EXPECT_EQ(futex_.wakes, 3) << "a worker";
}

TEST_F(WatcherTest, WhoBringsWorkCallsItIfItHasTakenSomethingOverLately) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  watch();
  EXPECT_EQ(self_.take(), service(1));
  // It has nothing more to do, watches again, and sees no slot used.
  parking_.park(2);
  EXPECT_EQ(parking_.sleep(1), Parking::kWatch) << "the one that was called";
  futex_.meanwhile = {[&] {
    parking_.begin_search();
    parking_.park(0);
  }};
  watcher_.watch(pool_[1]);
  parking_.park(1);
  EXPECT_EQ(bring_work(), Parking::Outcome::both_woken);
}

TEST_F(WatcherTest, AWorkerThatLeavesSomethingBehindSeesToItItself) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  parking_.park(2);
  EXPECT_EQ(watcher_.wake_for_work(&busy_), Parking::Outcome::woken);
  EXPECT_EQ(futex_.wakes, 1);
}

TEST_F(WatcherTest, WorkForWhichNobodyIsThereToWatchLeavesNothingBehind) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  EXPECT_TRUE(parking_.end_search());  // it works, and so all but two do
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));
  EXPECT_EQ(bring_work(), Parking::Outcome::woken);
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_TRUE(watcher_.begin()) << "nobody is in office";
}

// Both wait for the caller's core, and the watcher has got it first.
TEST_F(WatcherTest, OneThatIsAwakeBeforeTheWorkerGivesItTimeToBegin) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  parking_.park(2);
  EXPECT_EQ(bring_work(), Parking::Outcome::both_woken);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
  futex_.sleeps.clear();
  now_ns += 6'000;  // the wake-up
  futex_.meanwhile = {[&] { busy_.begin(service(9), 9); }, [&] { parking_.stop(); }};
  watcher_.watch(self_);
  const std::vector<std::int64_t> expected{48'000, Watcher::kFirstLookNs};
  EXPECT_EQ(futex_.sleeps, expected);
}

TEST_F(WatcherTest, OneThatIsAwakeBeforeTheWorkerIsBackWithinABound) {
  park_others();
  watcher_.call(nullptr);
  now_ns += Watcher::kHeldUpNs;
  futex_.meanwhile = {[&] { parking_.stop(); }};
  watcher_.watch(self_);
  EXPECT_EQ(futex_.sleeps, std::vector<std::int64_t>{Watcher::kHeldUpNs});
}

TEST_F(WatcherTest, WhatTheCallerSawCountsAsALook) {
  park_others();
  fill(service(1));
  now_ns += Watcher::kFirstLookNs;  // until it is awake
  watcher_.watch(self_);
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_EQ(slept(), 0);
}

TEST_F(WatcherTest, NobodyIsCalledWhenAllWork) {
  fill(service(1));
  EXPECT_EQ(futex_.wakes, 0);
  park_others();
  fill_again(service(2));
  EXPECT_EQ(futex_.wakes, 1) << "the call in vain has left nothing behind";
}

TEST_F(WatcherTest, ACallThatFindsNobodyParkedLeavesNothingBehind) {
  park_others();
  ASSERT_TRUE(parking_.wake_to_watch() && parking_.wake_to_watch());  // they are about to wake up
  watcher_.call(&busy_);
  EXPECT_EQ(futex_.wakes, 2);
  EXPECT_TRUE(watcher_.begin());
}

TEST_F(WatcherTest, OneThatWasWokenToWorkDoesNotWatch) {
  park_others();
  ASSERT_TRUE(watcher_.begin());
  EXPECT_EQ(parking_.wake_for_work(), Parking::Outcome::woken);
  EXPECT_FALSE(parking_.leave(2, Parking::kWatch));
  fill(service(1));
  EXPECT_EQ(futex_.wakes, 1) << "it relies on the one in office";
  watcher_.cancel();
  EXPECT_EQ(parking_.sleep(1), Parking::kWatch) << "another does";
}

// Found by test/model/parking.pml.
TEST_F(WatcherTest, OneThatParksDuringACallInVainIsCalled) {
  park_others();
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));
  ASSERT_TRUE(parking_.leave(2, Parking::kWatch));
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  watcher_.call(&busy_, [&] {
    parking_.end_watch(2);
    parking_.park(2);
    EXPECT_FALSE(watcher_.begin()) << "the caller is in office";
  });
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
}

TEST_F(WatcherTest, NobodyWatchesWhenNobodyWorks) {
  park_others();
  parking_.begin_search();
  parking_.park(0);
  EXPECT_FALSE(watcher_.begin());
}

TEST_F(WatcherTest, ItLooksLessAndLessOften) {
  for (int i = 0; i < 8; ++i) futex_.meanwhile.push_back([&] { go_on(); });
  futex_.meanwhile.push_back([&] { parking_.stop(); });
  watch();
  const std::vector<std::int64_t> expected{15'000,  30'000,  60'000,  120'000, 240'000,
                                           480'000, 500'000, 500'000, 500'000};
  EXPECT_EQ(futex_.sleeps, expected);
}

TEST_F(WatcherTest, ItDozesWhileAMessageTakesLongAndIsWokenByWhatIsLeftBehind) {
  busy_.begin(service(9), 9);
  bool called = false;
  const auto nothing = [] {};
  // Looks after 0, 15, 45, 105 us: then the message has taken long.
  futex_.meanwhile = {nothing, nothing, nothing, [&] {
                        called = true;
                        EXPECT_EQ(futex_.wakes, 0);
                        fill(service(1));
                        EXPECT_EQ(futex_.wakes, 1);
                      }};
  watch();
  ASSERT_TRUE(called);
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_LE(futex_.sleeps.back(), 2 * Watcher::kFirstLookNs) << "it looks often again";
}

TEST_F(WatcherTest, ACallBeforeItSleepsIsNotMissed) {
  busy_.begin(service(9), 9);
  const auto nothing = [] {};
  futex_.meanwhile = {nothing, nothing, nothing, nothing};
  // Between the state and the sleep: the futex finds another word, and does not sleep.
  futex_.before_sleep = [&] {
    if (futex_.sleeps.size() != 4) return;
    fill(service(1));
  };
  watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_EQ(futex_.meanwhile.size(), 0U);
  EXPECT_EQ(futex_.sleeps[4], Watcher::kFirstLookNs);
}

TEST_F(WatcherTest, QueuedWorkWakesOneThatDozesIfNobodyElseIsThere) {
  busy_.begin(service(9), 9);
  const auto nothing = [] {};
  futex_.meanwhile = {nothing, nothing, nothing, [&] {
                        ASSERT_TRUE(parking_.leave(1, Parking::kWatch));  // it is elsewhere
                        enqueue(busy_, service(1));
                        watcher_.wake_for_work(&busy_);
                        EXPECT_EQ(futex_.wakes, 1);
                      }};
  watch();
  EXPECT_EQ(self_.take(), service(1));
}

TEST_F(WatcherTest, ItEndsWhenNothingRunsForThreeLooks) {
  // The busy worker parks during the first sleep.
  futex_.meanwhile = {[&] {
    parking_.begin_search();
    parking_.park(0);
  }};
  watch();
  EXPECT_EQ(futex_.sleeps.size(), static_cast<std::size_t>(Watcher::kQuietLooks));
  EXPECT_EQ(parking_.active(), 1U) << "itself, to search";
  EXPECT_EQ(futex_.wakes, 0);
}

// It ends, and just then a worker is woken, fills its slot, and still sees the old state.
TEST_F(WatcherTest, OneThatEndsTooEarlyBeginsAgain) {
  futex_.meanwhile = {[&] {
    parking_.begin_search();
    parking_.park(0);
  }};
  watch();
  EXPECT_EQ(parking_.wake_for_work(), Parking::Outcome::searched);
  parking_.park(2);
  EXPECT_FALSE(watcher_.begin()) << "nobody works";
  EXPECT_EQ(parking_.wake_for_work(), Parking::Outcome::woken);
  EXPECT_TRUE(watcher_.begin());
}

TEST_F(WatcherTest, AStopEndsIt) {
  futex_.meanwhile = {[&] { parking_.stop(); }};
  watch();
  EXPECT_EQ(futex_.sleeps.size(), 1U);
}

}  // namespace
}  // namespace runtime
