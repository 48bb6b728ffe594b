// What the watcher takes over, and when it looks and sleeps.
#include <gtest/gtest.h>

#include <vector>

#include "watcher_fixture.h"

namespace runtime {
namespace {

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

TEST_F(WatcherOnThreeCores, ItLeavesAQueueToAWorkerThatSearches) {
  enqueue(busy_, service(1));
  park_others();
  ASSERT_TRUE(parking_.leave(1, Parking::kWork));
  futex_.meanwhile = {[&] { parking_.stop(); }};
  come_to_watch();
  EXPECT_EQ(futex_.sleeps.size(), 1U);
  EXPECT_TRUE(busy_.has_queued());
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

TEST_F(WatcherOnOneCore, WhatAnEarlierWatchSawIsForgotten) {
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  parking_.park(2);
  now_ns += Watcher::kBlockedNs;
  start_again();
  busy_.begin(service(9), 9);  // at its first message since then
  enqueue(busy_, service(1));
  come_to_watch();
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_GE(slept(), Watcher::kBlockedNs);
}

TEST_F(WatcherOnOneCore, WhatOtherThreadsLeftIsLeftToAWorkerThatGetsOn) {
  busy_.begin(service(9), 9);
  Service* const shared = service(1);
  pool_.share({&shared, 1});
  futex_.meanwhile.assign(20, [&] { go_on(); });
  futex_.meanwhile.push_back([&] { parking_.stop(); });
  watch();
  EXPECT_EQ(pool_.take_shared(), shared)
      << "for long, those that are parked have been at one message";
}

TEST_F(WatcherOnOneCore, WhatOtherThreadsLeftIsTakenWhenAMessageMayBeBlocked) {
  busy_.begin(service(9), 9);
  Service* const shared = service(1);
  pool_.share({&shared, 1});
  watch();
  EXPECT_EQ(self_.take(), shared);
  EXPECT_GE(slept(), Watcher::kBlockedNs);
}

// ---- when it looks, and when it sleeps ----

// Both wait for the caller's core, and the watcher has got it first.
TEST_F(WatcherTest, OneThatIsAwakeBeforeTheWorkerGivesItTimeToBegin) {
  watch_a_used_slot();
  parking_.park(2);
  EXPECT_EQ(bring_work(), Parking::Outcome::both_woken);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
  futex_.sleeps.clear();
  now_ns += 6'000;  // the wake-up
  futex_.meanwhile = {[&] {
                        busy_.begin(service(9), 9);
                        fill(service(2));
                        EXPECT_EQ(futex_.wakes, 2) << "it looks: nobody need call it";
                      },
                      [&] { parking_.stop(); }};
  watcher_.watch(self_);
  const std::vector<std::int64_t> expected{48'000, Watcher::kFirstLookNs};
  EXPECT_EQ(futex_.sleeps, expected);
}

TEST_F(WatcherTest, OneThatIsAwakeBeforeTheWorkerIsBackWithinABound) {
  park_others();
  watcher_.call(nullptr);
  now_ns += Watcher::kHeldUpNs;
  futex_.meanwhile = {[] {}, [&] { parking_.stop(); }};
  watcher_.watch(self_);
  const std::vector<std::int64_t> expected{Watcher::kHeldUpNs, Watcher::kFirstLookNs};
  EXPECT_EQ(futex_.sleeps, expected) << "and only once";
}

TEST_F(WatcherTest, OneThatIsAwakeAtOnceLooksNoSoonerThanOthers) {
  park_others();
  watcher_.call(nullptr);
  now_ns += 1'000;
  futex_.meanwhile = {[&] { parking_.stop(); }};
  watcher_.watch(self_);
  EXPECT_EQ(futex_.sleeps, std::vector<std::int64_t>{Watcher::kFirstLookNs});
}

TEST_F(WatcherTest, OneThatIsAwakeAfterTheWorkerLooksSoon) {
  park_others();
  watcher_.call(nullptr);
  now_ns += 6'000;
  busy_.begin(service(9), 9);
  futex_.meanwhile = {[&] { parking_.stop(); }};
  watcher_.watch(self_);
  EXPECT_EQ(futex_.sleeps, std::vector<std::int64_t>{Watcher::kFirstLookNs});
}

TEST_F(WatcherTest, OneThatIsAwakeAfterTheWorkerHasParkedWaitsForNobody) {
  park_others();
  watcher_.call(nullptr);
  now_ns += 6'000;
  finish();
  watcher_.watch(self_);
  const std::vector<std::int64_t> expected{Watcher::kFirstLookNs, Watcher::kLastLookNs,
                                           Watcher::kLastLookNs};
  EXPECT_EQ(futex_.sleeps, expected) << "it has seen the slots once only: they may have been used";
}

TEST_F(WatcherTest, OneThatComesByItselfWaitsForNobodyWhateverWasBefore) {
  park_others();
  watcher_.call(nullptr);
  futex_.meanwhile = {[&] { finish(); }};
  watcher_.watch(self_);
  parking_.park(2);
  start_again();
  futex_.meanwhile = {[&] { parking_.stop(); }};
  come_to_watch();
  EXPECT_EQ(futex_.sleeps, std::vector<std::int64_t>{Watcher::kFirstLookNs});
}

TEST_F(WatcherTest, WhatTheCallerSawCountsAsALook) {
  park_others();
  fill(service(1));
  now_ns += Watcher::kFirstLookNs;  // until it is awake
  watcher_.watch(self_);
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_EQ(slept(), 0);
}

TEST_F(WatcherTest, ItLooksLessAndLessOften) {
  for (int i = 0; i < 8; ++i) futex_.meanwhile.push_back([&] { go_on(); });
  futex_.meanwhile.push_back([&] { parking_.stop(); });
  watch();
  const std::vector<std::int64_t> expected{15'000,  30'000,  60'000,  120'000, 240'000,
                                           480'000, 500'000, 500'000, 500'000};
  EXPECT_EQ(futex_.sleeps, expected);
}

TEST_F(WatcherOnOneCore, ItLooksEvenLessOftenWhileAllCoresAreAtWork) {
  for (int i = 0; i < 8; ++i) futex_.meanwhile.push_back([&] { go_on(); });
  futex_.meanwhile.push_back([&] { parking_.stop(); });
  watch();
  const std::vector<std::int64_t> expected{15'000,  30'000,  60'000,    120'000,  240'000,
                                           480'000, 960'000, 1'000'000, 1'000'000};
  EXPECT_EQ(futex_.sleeps, expected);
}

TEST_F(WatcherTest, ASlotThatIsFilledWhileItLooksNeedsNoCall) {
  int filled = 0;
  const auto use_slot = [&] {
    go_on();
    fill(service(1));
    EXPECT_EQ(futex_.wakes, 0);
    busy_.take();
    ++filled;
  };
  futex_.meanwhile.assign(8, use_slot);
  futex_.meanwhile.push_back([&] { parking_.stop(); });
  watch();
  EXPECT_EQ(filled, 8);
}

TEST_F(WatcherTest, ItDozesNoSoonerThanAMessageTakesLong) {
  busy_.begin(service(9), 9);
  bool filled = false;
  const auto nothing = [] {};
  // Looks after 0, 15, 45 us.
  futex_.meanwhile = {nothing, nothing, [&] {
                        filled = true;
                        fill(service(1));
                        EXPECT_EQ(futex_.wakes, 0);
                      }};
  watch();
  EXPECT_TRUE(filled);
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

TEST_F(WatcherOnOneCore, OneThatDozesIsLeftAloneWhileAllCoresAreAtWork) {
  busy_.begin(service(9), 9);
  bool filled = false;
  const auto nothing = [] {};
  futex_.meanwhile = {nothing, nothing, nothing, [&] {
                        filled = true;
                        fill(service(1));
                        EXPECT_EQ(futex_.wakes, 0);
                      }};
  watch();
  ASSERT_TRUE(filled);
  EXPECT_EQ(self_.take(), service(1));
  EXPECT_GE(slept(), Watcher::kBlockedNs);
}

TEST_F(WatcherTest, OneThatHasDozedNeedsNoCallWhileItLooks) {
  busy_.begin(service(9), 9);
  futex_.meanwhile.assign(4, [] {});
  bool filled = false;
  while_it_looks = [&] {
    if (futex_.sleeps.size() != 4) return;
    filled = true;
    fill(service(1));
    EXPECT_EQ(futex_.wakes, 0);
  };
  watch();
  EXPECT_TRUE(filled);
  EXPECT_EQ(self_.take(), service(1));
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
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  const std::vector<std::int64_t> expected{Watcher::kFirstLookNs, Watcher::kLastLookNs,
                                           Watcher::kLastLookNs};
  EXPECT_EQ(futex_.sleeps, expected);
  EXPECT_EQ(parking_.active(), 1U) << "itself, to search";
  EXPECT_EQ(futex_.wakes, 0);
}

TEST_F(WatcherTest, ItStaysWhileSlotsAreUsedThoughItSeesNobodyAtWork) {
  // Between two looks.
  const auto use_slot = [&] {
    start_again();
    fill(service(1));
    finish();
  };
  futex_.meanwhile = {[&] { finish(); }, use_slot, use_slot};
  watch();
  EXPECT_EQ(futex_.sleeps.size(), static_cast<std::size_t>(3 + Watcher::kQuietLooks));
}

TEST_F(WatcherTest, ItsSliceIsShortUntilItSleepsAfterAnotherHasWatched) {
  futex_.meanwhile = {[&] { finish(); }};
  watch();
  EXPECT_TRUE(self_.slice.is_short());
  watcher_.rest(self_);
  EXPECT_TRUE(self_.slice.is_short()) << "it watched last";
  EXPECT_EQ(parking_.wake_for_work(), Parking::Outcome::searched);
  parking_.park(2);
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));
  watcher_.watch(pool_[1]);
  EXPECT_TRUE(self_.slice.is_short());
  watcher_.rest(self_);
  EXPECT_FALSE(self_.slice.is_short());
  watcher_.rest(pool_[1]);
  EXPECT_TRUE(pool_[1].slice.is_short());
}

// It ends, and just then a worker is woken, fills its slot, and still sees the old state.
TEST_F(WatcherTest, OneThatEndsTooEarlyBeginsAgain) {
  futex_.meanwhile = {[&] { finish(); }};
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
