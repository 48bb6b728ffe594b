#include "core/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace runtime {
namespace {

using Sessions = std::vector<int>;

TimerEntry numbered(int session) { return {1, session}; }

// The sessions that expire on the way to `now`, in order.
Sessions expired(TimerWheel& wheel, std::int64_t now) {
  Sessions sessions;
  wheel.advance(Ticks{now}, [&](TimerEntry entry) { sessions.push_back(entry.session); });
  return sessions;
}

TEST(TimerWheel, AnEmptyWheelHasNothingDue) {
  TimerWheel wheel;
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_EQ(expired(wheel, 1'000'000), Sessions{});
}

TEST(TimerWheel, ATimerExpiresAtItsTickAndNotBefore) {
  TimerWheel wheel(Ticks{1000});
  wheel.add(Ticks{1010}, numbered(1));
  EXPECT_EQ(wheel.next_due(), Ticks{1010});
  EXPECT_EQ(expired(wheel, 1009), Sessions{});
  EXPECT_EQ(expired(wheel, 1010), Sessions{1});
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_EQ(expired(wheel, 2000), Sessions{}) << "it expired twice";
}

TEST(TimerWheel, EntriesComeBackWhole) {
  TimerWheel wheel;
  wheel.add(Ticks{3}, {0x01fffffe, std::numeric_limits<std::int32_t>::max()});
  wheel.advance(Ticks{3}, [](TimerEntry entry) {
    EXPECT_EQ(entry.handle, 0x01fffffeU);
    EXPECT_EQ(entry.session, std::numeric_limits<std::int32_t>::max());
  });
}

TEST(TimerWheel, ADueTimeInThePastIsNow) {
  TimerWheel wheel(Ticks{500});
  wheel.add(Ticks{500}, numbered(1));
  wheel.add(Ticks{3}, numbered(2));
  wheel.add(Ticks{-7}, numbered(3));
  EXPECT_EQ(wheel.next_due(), Ticks{500});
  EXPECT_EQ(expired(wheel, 500), (Sessions{1, 2, 3}));
}

TEST(TimerWheel, TimeThatStandsStillOrRunsBackExpiresNothingTwice) {
  TimerWheel wheel(Ticks{100});
  wheel.add(Ticks{120}, numbered(1));
  EXPECT_EQ(expired(wheel, 50), Sessions{});
  EXPECT_EQ(expired(wheel, 120), Sessions{1});
  wheel.add(Ticks{121}, numbered(2));
  EXPECT_EQ(expired(wheel, 120), Sessions{});
  EXPECT_EQ(expired(wheel, 110), Sessions{});
  EXPECT_EQ(expired(wheel, 121), Sessions{2});
}

TEST(TimerWheel, OneTickIsFirstInFirstOutAlsoAfterCascades) {
  constexpr std::int64_t kDue = 5'000'000;  // starts on the fourth level
  TimerWheel wheel;
  int session = 0;
  for (std::int64_t now : {0L, 1L, 4'000'000L, 4'990'000L, 4'999'900L, 4'999'990L, kDue}) {
    EXPECT_EQ(expired(wheel, now - (now > 0 ? 1 : 0)), Sessions{});
    wheel.add(Ticks{kDue}, numbered(++session));
    wheel.add(Ticks{kDue}, numbered(++session));
  }
  Sessions in_order(static_cast<std::size_t>(session));
  for (int i = 0; i < session; ++i) in_order[static_cast<std::size_t>(i)] = i + 1;
  EXPECT_EQ(expired(wheel, kDue), in_order);
}

TEST(TimerWheel, AJumpOverEverythingExpiresInTheOrderOfTime) {
  TimerWheel wheel;
  const std::vector<std::int64_t> dues = {70'000'000, 5, 64, 4096, 63, 262'144, 65, 5};
  for (std::size_t i = 0; i < dues.size(); ++i)
    wheel.add(Ticks{dues[i]}, numbered(static_cast<int>(i)));
  EXPECT_EQ(expired(wheel, 1'000'000'000'000), (Sessions{1, 7, 4, 2, 6, 3, 5, 0}));
}

TEST(TimerWheel, NextDueIsExactHoweverFarAway) {
  TimerWheel wheel(Ticks{12'345});
  for (std::int64_t due = 1; due < std::int64_t{1} << 60; due = due * 3 + 1) {
    TimerWheel alone(Ticks{12'345});
    alone.add(Ticks{12'345 + due}, numbered(1));
    EXPECT_EQ(alone.next_due(), Ticks{12'345 + due});
  }
  wheel.add(Ticks{900'000}, numbered(1));
  wheel.add(Ticks{899'999}, numbered(2));
  EXPECT_EQ(wheel.next_due(), Ticks{899'999}) << "not the first of its slot by time";
}

TEST(TimerWheel, TheEndOfTimeIsATimeToo) {
  TimerWheel wheel;
  wheel.add(Ticks::max(), numbered(2));
  wheel.add(Ticks{std::int64_t{1} << 40}, numbered(1));
  EXPECT_EQ(expired(wheel, Ticks::max().count() - 1), Sessions{1});
  EXPECT_EQ(expired(wheel, Ticks::max().count()), Sessions{2});
}

TEST(TimerWheel, ExpireMayAdd) {
  TimerWheel wheel;
  wheel.add(Ticks{10}, numbered(1));
  wheel.add(Ticks{10}, numbered(2));
  Sessions sessions;
  const auto again = [&](TimerEntry entry) {
    sessions.push_back(entry.session);
    if (entry.session == 1) {
      wheel.add(Ticks{10}, numbered(3));  // due at once, behind what was there
      wheel.add(Ticks{12}, numbered(4));
      wheel.add(Ticks{100}, numbered(5));
    }
  };
  wheel.advance(Ticks{20}, again);
  EXPECT_EQ(sessions, (Sessions{1, 2, 3, 4}));
  EXPECT_EQ(wheel.next_due(), Ticks{100});
}

TEST(TimerWheel, AChainOfTimersInOneJumpKeepsItsPeriod) {
  TimerWheel wheel;
  std::int64_t due = 7;
  int count = 0;
  wheel.add(Ticks{due}, numbered(0));
  wheel.advance(Ticks{70'000}, [&](TimerEntry) {
    ++count;
    wheel.add(Ticks{due += 7}, numbered(count));
  });
  EXPECT_EQ(count, 10'000);
  EXPECT_EQ(wheel.next_due(), Ticks{70'007});
}

TEST(TimerWheel, ClearForgetsEverything) {
  TimerWheel wheel;
  for (int i = 0; i < 5000; ++i) wheel.add(Ticks{i * 37}, numbered(i));
  wheel.clear();
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  EXPECT_EQ(expired(wheel, 1'000'000), Sessions{});
  wheel.add(Ticks{1'000'001}, numbered(1));
  EXPECT_EQ(expired(wheel, 1'000'001), Sessions{1});
}

TEST(TimerWheel, TimersSurviveThatTheirArrayShrinks) {
  TimerWheel wheel;
  for (int i = 0; i < 100'000; ++i) wheel.add(Ticks{1}, numbered(-1));
  for (int i = 0; i < 100; ++i) wheel.add(Ticks{1000 + i % 10 * 1000}, numbered(i));
  EXPECT_EQ(expired(wheel, 1).size(), 100'000U);
  Sessions rest = expired(wheel, 20'000);
  ASSERT_EQ(rest.size(), 100U);
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end(), [](int a, int b) {
    return std::pair{a % 10, a} < std::pair{b % 10, b};
  })) << "the order within a tick is lost";
}

// The wheel against what it means: a multimap, which keeps equal keys in the order of insertion.
TEST(TimerWheel, BehavesLikeASortedListUnderRandomUse) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    TimerWheel wheel;
    std::multimap<std::int64_t, int> model;
    std::int64_t now = 0;
    int session = 0;
    const auto wide = [&] {  // of any magnitude
      return static_cast<std::int64_t>(random() >> (random() % 32));
    };
    for (int step = 0; step < 500; ++step) {
      for (auto n = random() % 8; n > 0; --n) {
        const std::int64_t due = now + wide() - 3;
        wheel.add(Ticks{due}, numbered(++session));
        model.emplace(std::max(due, now), session);
      }
      now += wide();
      Sessions want;
      while (!model.empty() && model.begin()->first <= now) {
        want.push_back(model.begin()->second);
        model.erase(model.begin());
      }
      ASSERT_EQ(expired(wheel, now), want) << "seed " << seed << ", step " << step;
      ASSERT_EQ(wheel.size(), model.size());
      if (model.empty()) {
        ASSERT_EQ(wheel.next_due(), std::nullopt);
      } else {
        ASSERT_EQ(wheel.next_due(), Ticks{model.begin()->first});
      }
    }
  }
}

}  // namespace
}  // namespace runtime
