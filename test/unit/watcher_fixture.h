// A watcher with a clock and a futex of the test: time passes only while it sleeps, and then others do
// what the test has planned.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "core/scheduler.h"
#include "core/watcher.h"

namespace runtime {

// Services are only pointers here.
inline Service* service(std::uintptr_t number) { return reinterpret_cast<Service*>(number << 8); }

inline std::int64_t now_ns = 0;
inline std::int64_t since_mark_ns = 0;        // of every worker
inline std::function<void()> while_it_looks;  // at a worker that is at work

class TimeFutex : public Futex {
 public:
  std::deque<std::function<void()>> meanwhile;  // one a sleep of the watcher
  std::vector<std::int64_t> sleeps;             // how long each was to be
  int wakes = 0, both_wakes = 0;
  std::function<void()> before_sleep;
  std::function<void()> after_wake;
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
  void wake(std::atomic<std::uint32_t>&) override {
    ++wakes;
    if (after_wake) after_wake();
  }
  void wake_both(std::atomic<std::uint32_t>& first, std::atomic<std::uint32_t>& second) override {
    EXPECT_EQ(first.load(), Parking::kWork) << "the first one may run before the caller goes on";
    EXPECT_EQ(second.load(), Parking::kWatch);
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
    while_it_looks = nullptr;
    futex_.give_up = [this] {
      ADD_FAILURE() << "it watches for ever";
      parking_.stop();
    };
  }
  ~WatcherTest() override {
    for (std::size_t i = 0; i < pool_.size(); ++i) pool_[i].slice.restore();  // this thread's
  }
  void park_others() {
    parking_.park(1);
    parking_.park(2);
    EXPECT_TRUE(parking_.end_search());
  }
  // The watcher's side of Scheduler::wait().
  void watch() {
    park_others();
    come_to_watch();
  }
  void come_to_watch() {
    ASSERT_TRUE(watcher_.begin());
    ASSERT_TRUE(parking_.leave(2, Parking::kWatch));
    futex_.sleeps.clear();
    watcher_.watch(self_);
  }
  // It watches until nothing runs any more; meanwhile a slot is used.
  void watch_a_used_slot() {
    ASSERT_EQ(busy_.put_next(service(1)), nullptr);
    futex_.meanwhile = {[this] { finish(); }};
    watch();
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
  // The busy worker, which has parked, has found something by itself.
  void start_again() {
    ASSERT_TRUE(parking_.leave(0, Parking::kWork));
    EXPECT_TRUE(parking_.end_search());
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
                   [](const Worker&) {
                     if (while_it_looks) while_it_looks();
                     return since_mark_ns;
                   }};
  Worker& self_;
  Worker& busy_;
};

class WatcherOnOneCore : public WatcherTest {
 protected:
  WatcherOnOneCore() : WatcherTest(1) {}
};
class WatcherOnThreeCores : public WatcherTest {
 protected:
  WatcherOnThreeCores() : WatcherTest(3) {}
};

}  // namespace runtime
