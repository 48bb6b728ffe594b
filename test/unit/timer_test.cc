#include "core/timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>

namespace runtime {
namespace {

using std::chrono::milliseconds;

// What a timer did, a letter each: begin, post, look.
class Steps {
 public:
  void add(char step) {
    std::lock_guard lock(mutex_);
    text_ += step;
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }
  bool eventually(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (this->text() != text && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(milliseconds(1));
    return this->text() == text;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

TEST(Timer, LooksOutFromBeforeItPostsUntilThereIsNothingToSee) {
  Steps steps;
  int looks = 0;
  Timer timer([&](const TimerEntry&) { steps.add('p'); },
              {[&] {
                 steps.add('b');
                 return true;
               },
               [&] {
                 steps.add('l');
                 return ++looks % 3 != 0;
               },
               std::chrono::microseconds(10)});
  timer.start();
  timer.add(Ticks(1), {1, 1});
  EXPECT_TRUE(steps.eventually("bplll")) << steps.text();
  timer.add(Ticks(1), {1, 2});
  EXPECT_TRUE(steps.eventually("bplllbplll")) << steps.text();
}

TEST(Timer, LeavesLookingToOthersWhenTheyDo) {
  Steps steps;
  Timer timer([&](const TimerEntry&) { steps.add('p'); },
              {[&] {
                 steps.add('b');
                 return false;
               },
               [&] {
                 steps.add('l');
                 return false;
               },
               std::chrono::microseconds(10)});
  timer.start();
  timer.add(Ticks(1), {1, 1});
  ASSERT_TRUE(steps.eventually("bp")) << steps.text();
  timer.add(Ticks(1), {1, 2});
  EXPECT_TRUE(steps.eventually("bpbp")) << steps.text();
}

TEST(Timer, EndsALookOutWhenItIsStopped) {
  Steps steps;
  std::atomic<bool> stopping = false;
  Timer timer([&](const TimerEntry&) { steps.add('p'); },
              {[] { return true; },
               [&] {
                 if (!stopping) return true;
                 steps.add('l');
                 return false;
               },
               std::chrono::microseconds(10)});
  timer.start();
  timer.add(Ticks(1), {1, 1});
  ASSERT_TRUE(steps.eventually("p")) << steps.text();
  stopping = true;
  timer.stop();
  EXPECT_EQ(steps.text(), "pl");
}

}  // namespace
}  // namespace runtime
