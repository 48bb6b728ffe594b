#include "core/timer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

namespace runtime {
namespace {

// The sessions of the timers that have been posted.
class Posted {
 public:
  void add(std::span<const TimerEntry> due) {
    {
      const std::lock_guard lock(mutex_);
      for (const TimerEntry& entry : due) sessions_.push_back(entry.session);
    }
    added_.notify_one();
  }

  // All of them, once there are `count`.
  std::vector<std::int32_t> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    added_.wait_for(lock, std::chrono::seconds(60), [&] { return sessions_.size() >= count; });
    return sessions_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<std::int32_t> sessions_;  // guarded by mutex_
};

TEST(Timer, AnEarlierTimerIsNotHeldUpByALaterOne) {
  Posted posted;
  Timer timer([&](std::span<const TimerEntry> due) { posted.add(due); });
  timer.start();
  timer.add(Ticks(1'000'000), {1, 1});
  timer.add(Ticks(20), {1, 2});
  timer.add(Ticks(1), {1, 3});
  EXPECT_EQ(posted.wait_for(2), (std::vector<std::int32_t>{3, 2}));
}

TEST(Timer, ADelayThatNoClockCanCountIsNotOver) {
  Posted posted;
  Timer timer([&](std::span<const TimerEntry> due) { posted.add(due); });
  timer.add(Ticks(std::numeric_limits<std::int64_t>::max()), {1, 1});
  timer.add(Ticks(1), {1, 2});
  timer.start();
  timer.add(Ticks(std::numeric_limits<std::int64_t>::max() / 2), {1, 3});
  timer.add(Ticks(2), {1, 4});
  EXPECT_EQ(posted.wait_for(2), (std::vector<std::int32_t>{2, 4}));
}

TEST(Timer, WhatIsAlreadyDueIsPostedWithTheNextTick) {
  Posted posted;
  Timer timer([&](std::span<const TimerEntry> due) { posted.add(due); });
  timer.start();
  timer.add(Ticks(0), {1, 1});
  timer.add(Ticks(-5), {1, 2});
  EXPECT_EQ(posted.wait_for(2), (std::vector<std::int32_t>{1, 2}));
}

}  // namespace
}  // namespace runtime
