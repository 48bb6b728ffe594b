// When a worker looks for events, and when it sleeps: waits whose lengths are known, in nanoseconds.
#include "core/busy_wait.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace runtime {
namespace {

constexpr std::uint64_t kLimit = 100'000;
constexpr std::uint64_t kLook = 500;  // how long a look takes

struct Waits {
  BusyWait policy{kLimit};
  std::uint64_t wake_up = 40'000;   // what a wait takes longer in which the worker sleeps
  std::uint64_t looked_longer = 0;  // and one in which it looks
  std::uint64_t now = 1'000'000;
  int looked = 0, slept = 0;

  // Waits for what comes after `event_ns`.
  void wait(std::uint64_t event_ns) {
    const std::uint64_t begun = now;
    bool looks = policy.begin(now);
    if (looks) ++looked;
    while (looks) {
      now += kLook;
      if (now - begun >= event_ns + looked_longer) break;
      looks = policy.again(now);
    }
    if (!looks) {
      ++slept;
      now = std::max(now, begun + event_ns) + wake_up;
    }
    policy.end(now);
  }
  void wait(int times, std::uint64_t event_ns) {
    for (int i = 0; i < times; ++i) wait(event_ns);
  }
  // The share of the waits since the last call that began with a look.
  double share_looked(int of) {
    const double share = static_cast<double>(looked) / of;
    looked = slept = 0;
    return share;
  }
};

TEST(BusyWait, ShortWaitsAreLookedThroughWhereAWakeUpIsDear) {
  Waits waits;
  waits.wait(100, 30'000);
  EXPECT_GT(waits.looked, 50);
  waits.share_looked(1);
  waits.wait(10'000, 30'000);
  EXPECT_GT(waits.share_looked(10'000), 0.95);
  EXPECT_LT(waits.share_looked(10'000), 1)
      << "now and then it sleeps, to see whether that is better";
}

TEST(BusyWait, NobodyLooksWhereAWakeUpIsCheap) {
  Waits waits{.wake_up = 2'000};
  waits.wait(10'000, 30'000);
  EXPECT_LT(waits.share_looked(10'000), 0.05);
}

TEST(BusyWait, LookingEndsWhenSomebodyElseWantsTheCore) {
  Waits waits;
  waits.wait(1000, 30'000);
  waits.share_looked(1);
  // What comes is done later by one who has no core, and cores that are awake need no waking.
  waits.wake_up = 3'000;
  waits.looked_longer = 20'000;
  waits.wait(BusyWait::kKept + BusyWait::kTries, 10'000);
  waits.share_looked(1);
  waits.wait(10'000, 10'000);
  EXPECT_LT(waits.share_looked(10'000), 0.05);
  // It begins again when that is over.
  waits.wake_up = 40'000;
  waits.looked_longer = 0;
  waits.wait(BusyWait::kKept + BusyWait::kTries, 10'000);
  waits.share_looked(1);
  waits.wait(10'000, 10'000);
  EXPECT_GT(waits.share_looked(10'000), 0.95);
}

TEST(BusyWait, LongWaitsAreSleptThrough) {
  Waits waits;
  waits.wait(1000, 1'000'000);
  EXPECT_EQ(waits.looked, 0);
  waits.wait(1000, 30'000);
  EXPECT_GT(waits.looked, 900);
  waits.share_looked(1);
  // A few looks in vain, then none.
  waits.wait(1000, 1'000'000);
  EXPECT_LE(waits.looked, 3);
}

TEST(BusyWait, WaitsOfWhichManyAreLongAreSleptThrough) {
  Waits waits;
  for (int i = 0; i < 10'000; ++i) waits.wait(i % 4 == 0 ? 500'000 : 30'000);
  EXPECT_EQ(waits.looked, 0);
}

TEST(BusyWait, AFewLongWaitsAmongShortOnesChangeNothing) {
  Waits waits;
  for (int i = 0; i < 10'000; ++i) waits.wait(i % 50 == 0 ? 500'000 : 30'000);
  EXPECT_GT(waits.share_looked(10'000), 0.9);
}

TEST(BusyWait, ALookThatIsInVainEndsAtTheLimit) {
  Waits waits;
  waits.wait(1000, 30'000);
  while (!waits.policy.begin(waits.now)) waits.policy.end(waits.now += 30'000);
  std::uint64_t looked = 0;
  do {
    looked += kLook;
  } while (waits.policy.again(waits.now + looked));
  EXPECT_GE(looked, kLimit);
  EXPECT_LE(looked, kLimit + kLook);
}

TEST(BusyWait, WithoutALimitNobodyLooks) {
  Waits waits{.policy = BusyWait()};
  waits.wait(1000, 10'000);
  EXPECT_EQ(waits.looked, 0);
}

}  // namespace
}  // namespace runtime
