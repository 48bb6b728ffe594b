// Who calls the watcher.
#include <gtest/gtest.h>

#include <vector>

#include "watcher_fixture.h"

namespace runtime {
namespace {

class WatcherCallTest : public WatcherTest {};
class WatcherCallOnOneCore : public WatcherOnOneCore {};

TEST_F(WatcherCallTest, ASlotThatIsFilledCallsAWatcher) {
  park_others();
  fill(service(1));
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
  fill_again(service(2));
  EXPECT_EQ(futex_.wakes, 1) << "one is enough";
  EXPECT_FALSE(watcher_.begin());
}

TEST_F(WatcherCallTest, WhoBringsWorkCallsItIfSlotsWereUsedLately) {
  watch_a_used_slot();
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

TEST_F(WatcherCallTest, WhoBringsWorkCallsItIfItHasTakenSomethingOverLately) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  watch();
  EXPECT_EQ(self_.take(), service(1));
  // It has nothing more to do, watches again, and sees no slot used.
  parking_.park(2);
  EXPECT_EQ(parking_.sleep(1), Parking::kWatch) << "the one that was called";
  futex_.meanwhile = {[&] { finish(); }};
  watcher_.watch(pool_[1]);
  parking_.park(1);
  EXPECT_EQ(bring_work(), Parking::Outcome::both_woken);
}

TEST_F(WatcherCallTest, WhoBringsWorkCallsItAtOnceAfterATakeOver) {
  ASSERT_EQ(busy_.put_next(service(1)), nullptr);
  futex_.meanwhile = {[&] { ASSERT_TRUE(parking_.leave(1, Parking::kWatch)); }};  // it is elsewhere
  watch();
  EXPECT_EQ(self_.take(), service(1));
  parking_.park(2);
  finish();
  EXPECT_EQ(bring_work(), Parking::Outcome::both_woken) << "nobody has watched in vain since";
}

TEST_F(WatcherCallTest, WhoBringsWorkCallsNobodyWhileAWorkerSearches) {
  watch_a_used_slot();  // and searches
  EXPECT_EQ(bring_work(), Parking::Outcome::searched);
  EXPECT_EQ(futex_.wakes, 0);
}

TEST_F(WatcherCallOnOneCore, WorkThatIsQueuedWhileAllCoresAreAtWorkCallsIt) {
  park_others();
  EXPECT_EQ(bring_work(), Parking::Outcome::cores_busy);
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_EQ(parking_.sleep(2), Parking::kWatch);
}

TEST_F(WatcherCallTest, AWorkerThatLeavesSomethingBehindSeesToItItself) {
  watch_a_used_slot();
  parking_.park(2);
  EXPECT_EQ(watcher_.wake_for_work(&busy_), Parking::Outcome::woken);
  EXPECT_EQ(futex_.wakes, 1);
}

TEST_F(WatcherCallTest, WorkForWhichNobodyIsThereToWatchLeavesNothingBehind) {
  watch_a_used_slot();
  EXPECT_TRUE(parking_.end_search());  // it works, and so all but two do
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));
  EXPECT_EQ(bring_work(), Parking::Outcome::woken);
  EXPECT_EQ(futex_.wakes, 1);
  EXPECT_TRUE(watcher_.begin()) << "nobody is in office";
}

TEST_F(WatcherCallTest, OneThatParksWhileAnotherIsWokenForWorkIsCalled) {
  watch_a_used_slot();
  EXPECT_TRUE(parking_.end_search());
  ASSERT_TRUE(parking_.leave(1, Parking::kWatch));  // it is elsewhere
  futex_.after_wake = [&] {
    futex_.after_wake = nullptr;
    parking_.end_watch(1);
    parking_.park(1);
    EXPECT_FALSE(watcher_.begin()) << "who brings the work is in office";
  };
  EXPECT_EQ(bring_work(), Parking::Outcome::woken);
  EXPECT_EQ(parking_.sleep(1), Parking::kWatch);
}

TEST_F(WatcherCallTest, NobodyIsCalledWhenAllWork) {
  fill(service(1));
  EXPECT_EQ(futex_.wakes, 0);
  park_others();
  fill_again(service(2));
  EXPECT_EQ(futex_.wakes, 1) << "the call in vain has left nothing behind";
}

TEST_F(WatcherCallTest, ACallThatFindsNobodyParkedLeavesNothingBehind) {
  park_others();
  ASSERT_TRUE(parking_.wake_to_watch() && parking_.wake_to_watch());  // they are about to wake up
  watcher_.call(&busy_);
  EXPECT_EQ(futex_.wakes, 2);
  EXPECT_TRUE(watcher_.begin());
}

TEST_F(WatcherCallTest, OneThatWasWokenToWorkDoesNotWatch) {
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
TEST_F(WatcherCallTest, OneThatParksDuringACallInVainIsCalled) {
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

TEST_F(WatcherCallTest, NobodyWatchesWhenNobodyWorks) {
  park_others();
  finish();
  EXPECT_FALSE(watcher_.begin());
}

}  // namespace
}  // namespace runtime
