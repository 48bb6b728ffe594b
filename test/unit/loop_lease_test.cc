// Who turns a loop, with the worker's steps at each of the thread's looks. Nobody sleeps here: the
// futex runs what the test has planned for the time of the sleep.
#include "net/loop_lease.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "planned_futex.h"

namespace runtime {
namespace {

class LoopLeaseTest : public testing::Test {
 protected:
  void offer_and_stand_by() {
    lease_.offer();
    lease_.stand_by();
    EXPECT_FALSE(lease_.borrow()) << "the thread has it";
    EXPECT_TRUE(futex_.meanwhile.empty()) << "it came back too early";
  }
  void borrow() { EXPECT_TRUE(lease_.borrow()); }

  PlannedFutex futex_{1};
  LoopLease lease_{futex_};
};

TEST_F(LoopLeaseTest, OnlyWhatIsOfferedCanBeBorrowed) {
  EXPECT_FALSE(lease_.borrow());
  lease_.offer();
  EXPECT_TRUE(lease_.borrow());
  EXPECT_FALSE(lease_.borrow()) << "it is another's";
  lease_.put_back();
  EXPECT_TRUE(lease_.borrow());
  lease_.give_back();
  EXPECT_FALSE(lease_.borrow());
  EXPECT_EQ(futex_.wakes, 1) << "by give_back() alone";
}

TEST_F(LoopLeaseTest, TheThreadTakesBackWhatNoWorkerTurns) {
  offer_and_stand_by();
  EXPECT_EQ(futex_.sleeps, std::vector<std::int64_t>{LoopLease::kFirstLookNs});
}

TEST_F(LoopLeaseTest, AWorkerThatHasTurnedItSinceTheLastLookGetsAnotherOne) {
  futex_.meanwhile = {[&] {
                        borrow();
                        lease_.put_back();
                      },
                      [] {}};
  offer_and_stand_by();
  EXPECT_EQ(futex_.sleeps.size(), 2U);
}

TEST_F(LoopLeaseTest, GivenBackItIsTheThreadsAtOnce) {
  futex_.meanwhile = {[&] {
    borrow();
    lease_.give_back();
  }};
  offer_and_stand_by();
  EXPECT_EQ(futex_.wakes, 1);
}

TEST_F(LoopLeaseTest, TheThreadLooksLessOftenWhileWorkersTurnTheLoop) {
  const auto turn = [&] {
    borrow();
    lease_.put_back();
  };
  futex_.meanwhile.assign(10, turn);
  futex_.meanwhile.push_back([] {});
  offer_and_stand_by();
  EXPECT_EQ(futex_.sleeps[0], LoopLease::kFirstLookNs);
  EXPECT_EQ(futex_.sleeps[9], LoopLease::kLastLookNs);
}

TEST_F(LoopLeaseTest, WhileAWorkerWaitsForLongTheThreadSleepsUntilItPutsTheLoopBack) {
  futex_.meanwhile = {[&] { borrow(); }};
  for (int i = 0; i < LoopLease::kQuietLooks; ++i) futex_.meanwhile.push_back([] {});
  futex_.meanwhile.push_back([] {});  // a futex may return for no reason
  futex_.meanwhile.push_back([&] {
    EXPECT_EQ(futex_.wakes, 0);
    lease_.put_back();
    EXPECT_EQ(futex_.wakes, 1);
  });
  futex_.meanwhile.push_back([] {});  // the worker has its time to come back
  offer_and_stand_by();
  const std::size_t last = futex_.sleeps.size() - 1;
  EXPECT_EQ(futex_.sleeps[last - 1], -1);
  EXPECT_EQ(futex_.sleeps[last - 2], -1);
  EXPECT_EQ(futex_.sleeps[last - 3], LoopLease::kQuietLookNs);
  EXPECT_EQ(futex_.sleeps[last], LoopLease::kFirstLookNs);
}

TEST_F(LoopLeaseTest, AWorkerThatGivesBackWakesTheSleepingThread) {
  futex_.meanwhile = {[&] { borrow(); }};
  for (int i = 0; i < LoopLease::kQuietLooks; ++i) futex_.meanwhile.push_back([] {});
  futex_.meanwhile.push_back([&] { lease_.give_back(); });
  offer_and_stand_by();
  EXPECT_EQ(futex_.sleeps.back(), -1);
}

TEST_F(LoopLeaseTest, AWorkerThatGoesOnBeforeTheThreadSleepsKeepsItAwake) {
  futex_.meanwhile = {[&] { borrow(); }};
  for (int i = 0; i + 1 < LoopLease::kQuietLooks; ++i) futex_.meanwhile.push_back([] {});
  futex_.meanwhile.push_back([&] {
    lease_.put_back();
    borrow();
  });
  futex_.meanwhile.push_back([&] { lease_.give_back(); });
  offer_and_stand_by();
  for (const std::int64_t sleep : futex_.sleeps) EXPECT_NE(sleep, -1);
}

}  // namespace
}  // namespace runtime
