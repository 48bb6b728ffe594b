// Workers that turn a loop when they have nothing else to do. The loop is the test's own.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/environment.h"
#include "core/node.h"
#include "core/service.h"

namespace runtime {
namespace {

using Lock = std::unique_lock<std::mutex>;

constexpr auto kDeadline = std::chrono::seconds(60);

// Gives those that turn it what the test has put in.
class TestLoop : public EventLoop {
 public:
  // ---- by the test ----

  void offer() {
    const Lock lock(mutex_);
    if (state_ == State::owned) state_ = State::offered;
  }
  // What comes next: runs in handle().
  void put_in(std::function<void()> event) {
    const Lock lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  bool somebody_waits(std::chrono::milliseconds limit = kDeadline) {
    return comes_true([this] { return waits_; }, limit);
  }
  bool is_given_back(std::chrono::milliseconds limit = kDeadline) {
    return comes_true([this] { return state_ == State::owned; }, limit);
  }
  int looks() {
    const Lock lock(mutex_);
    return looks_;
  }

  // ---- by workers ----

  bool borrow() override {
    const Lock lock(mutex_);
    if (state_ != State::offered) return false;
    state_ = State::borrowed;
    return true;
  }
  bool wait(bool block) override {
    Lock lock(mutex_);
    if (!block) {
      ++looks_;
      return woken_ || !events_.empty();
    }
    waits_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return woken_ || !events_.empty(); });
    woken_ = waits_ = false;
    return true;
  }
  void handle() override {
    std::vector<std::function<void()>> events;
    {
      const Lock lock(mutex_);
      events.swap(events_);
    }
    for (const auto& event : events) event();
  }
  void put_back() override { leave(State::offered); }
  void give_back() override { leave(State::owned); }
  void wake() override {
    const Lock lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

 private:
  enum class State { owned, offered, borrowed };

  bool comes_true(const std::function<bool()>& condition,
                  std::chrono::milliseconds limit = kDeadline) {
    Lock lock(mutex_);
    return changed_.wait_for(lock, limit, condition);
  }
  void leave(State state) {
    const Lock lock(mutex_);
    EXPECT_EQ(state_, State::borrowed);
    state_ = state;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::owned;
  std::vector<std::function<void()>> events_;
  bool waits_ = false;
  bool woken_ = false;
  int looks_ = 0;
};

// What the services do with a message is the test's: `on_message`, by the session.
std::function<void(int session)> on_message;
std::mutex arrived_mutex;
std::condition_variable arrived_changed;
std::vector<std::pair<int, std::thread::id>> arrived;  // session, on which thread

int take(skynet_context*, void*, int, int session, uint32_t, const void*, size_t) {
  if (on_message) on_message(session);
  const Lock lock(arrived_mutex);
  arrived.emplace_back(session, std::this_thread::get_id());
  arrived_changed.notify_all();
  return 0;
}
int take_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(take, nullptr);
  return 0;
}
int quiet_init(void*, skynet_context*, const char*) { return 0; }

bool have_arrived(std::size_t count, std::chrono::milliseconds limit = kDeadline) {
  Lock lock(arrived_mutex);
  return arrived_changed.wait_for(lock, limit, [&] { return arrived.size() >= count; });
}

class SchedulerLoop : public testing::TestWithParam<int> {
 protected:
  explicit SchedulerLoop(std::chrono::microseconds busy_wait = {})
      : node_(options(GetParam(), busy_wait), environment_) {
    on_message = nullptr;
    arrived.clear();
    node_.scheduler.set_event_loop(&loop_);
    node_.start();
    EXPECT_NE(node_.launch("quiet", nullptr), 0U) << "the log service";
    service_ = node_.launch("take", nullptr);
    other_ = node_.launch("take", nullptr);
  }
  ~SchedulerLoop() override {
    node_.abort();
    EXPECT_TRUE(node_.wait(kDeadline));
    node_.stop();
  }

  static NodeOptions options(int threads, std::chrono::microseconds busy_wait) {
    static const Module modules[] = {{"quiet", nullptr, quiet_init, nullptr, nullptr},
                                     {"take", nullptr, take_init, nullptr, nullptr}};
    NodeOptions options;
    options.threads = threads;
    options.busy_wait = busy_wait;
    options.builtin_modules = modules;
    return options;
  }
  void send(Handle to, int session) {
    EXPECT_TRUE(node_.deliver(to, Message::make(0, kTypeLua, session, nullptr, 0)));
  }
  // `messages` more than so far.
  bool more_arrive(std::size_t messages = 1, std::chrono::milliseconds limit = kDeadline) {
    const std::size_t count = count_ + messages;
    if (!have_arrived(count, limit)) return false;
    count_ = count;
    return true;
  }
  // A worker that has had something to do comes by the loop. One of several may have another to watch,
  // and gives the loop back: then the next one does.
  void lend_loop() {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    do {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "no worker comes by the loop";
      loop_.offer();
      send(service_, 0);
      ASSERT_TRUE(more_arrive());
    } while (!loop_.somebody_waits(std::chrono::milliseconds(20)));
  }

  Environment environment_;
  TestLoop loop_;
  Node node_;
  Handle service_, other_;
  std::size_t count_ = 0;  // of messages for which more_arrive() has waited
};

TEST_P(SchedulerLoop, WhatComesRunsOnTheWorkerThatHasWaited) {
  const bool alone = GetParam() == 1;
  lend_loop();
  std::thread::id waited;
  int same = 0;
  for (int i = 1; i <= 100; ++i) {
    if (alone) {
      ASSERT_TRUE(loop_.somebody_waits()) << "it comes back each time";
    } else if (!loop_.somebody_waits(std::chrono::milliseconds(20))) {
      lend_loop();
    }
    loop_.put_in([&, i] {
      waited = std::this_thread::get_id();
      send(service_, i);
    });
    ASSERT_TRUE(more_arrive());
    EXPECT_EQ(arrived.back().first, i);
    if (arrived.back().second == waited) ++same;
  }
  // Another one that is just awake may be faster.
  EXPECT_GE(same, alone ? 100 : 1);
}

TEST_P(SchedulerLoop, WhatComesTogetherIsHandled) {
  lend_loop();
  loop_.put_in([&] {
    for (int i = 1; i <= 50; ++i) send(i % 2 == 0 ? service_ : other_, i);
  });
  EXPECT_TRUE(more_arrive(50));
}

TEST_P(SchedulerLoop, AMessageFromElsewhereArrivesWhileAWorkerWaits) {
  lend_loop();
  for (int i = 1; i <= 100; ++i) {
    send(other_, i);
    ASSERT_TRUE(more_arrive());
  }
}

TEST_P(SchedulerLoop, TheEndWakesAWorkerThatWaits) { lend_loop(); }

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerLoop, testing::Values(1, 2, 4));

// Waits are never long for it, so that workers look.
class SchedulerLoopThatLooks : public SchedulerLoop {
 protected:
  SchedulerLoopThatLooks()
      : SchedulerLoop(std::chrono::duration_cast<std::chrono::microseconds>(kDeadline)) {}
};

TEST_P(SchedulerLoopThatLooks, WhatComesAndWhatIsSentFromElsewhereIsHandled) {
  lend_loop();
  for (int i = 1; i <= 2000; ++i) {
    loop_.put_in([&, i] { send(service_, i); });
    std::size_t sent = 1;
    do {
      // Workers that had something else to do have given it back; one that has a message comes by again.
      loop_.offer();
      send(other_, i);
    } while (!more_arrive(++sent, std::chrono::milliseconds(20)));
  }
  if (std::thread::hardware_concurrency() > 1) {
    EXPECT_GT(loop_.looks(), 0);
  }
}

TEST_P(SchedulerLoopThatLooks, TheEndIsSeenByAWorkerThatLooks) {
  lend_loop();
  for (int i = 1; i <= 100; ++i) {
    send(other_, i);
    ASSERT_TRUE(more_arrive());
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerLoopThatLooks, testing::Values(1, 2, 4));

using SchedulerLoopOfOne = SchedulerLoop;

TEST_P(SchedulerLoopOfOne, WhatComesWhileItsWorkerGoesOnIsHandledAndThenTheLoopIsGivenBack) {
  lend_loop();
  static std::atomic<bool> ends;  // the last message may still run when the test has ended
  ends.store(false);
  // Each message takes as long as a turn may, and brings the next one.
  on_message = [&](int session) {
    if (session < 1000 || ends.load()) return;
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(100);
    while (std::chrono::steady_clock::now() < end) {
    }
    node_.deliver(other_, Message::make(0, kTypeLua, session + 1, nullptr, 0));
    if (session == 1000) loop_.put_in([&] { send(service_, 1); });
  };
  loop_.put_in([&] { send(service_, 1000); });
  EXPECT_TRUE(loop_.is_given_back());
  ends.store(true);
  const auto came = [] {
    for (const auto& [session, thread] : arrived) {
      if (session == 1) return true;
    }
    return false;
  };
  Lock lock(arrived_mutex);
  EXPECT_TRUE(arrived_changed.wait_for(lock, kDeadline, came));
}

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerLoopOfOne, testing::Values(1));

using SchedulerLoopOfTwo = SchedulerLoop;

// The one that is at a long message has put something into its slot: the other one is needed to watch.
TEST_P(SchedulerLoopOfTwo, AWorkerThatWaitsIsCalledToWatch) {
  lend_loop();
  std::atomic<bool> other_came{false};
  on_message = [&](int session) {
    if (session == 2) other_came.store(true);
    if (session != 1) return;
    send(other_, 2);
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!other_came.load() && std::chrono::steady_clock::now() < end) {
    }
    EXPECT_TRUE(other_came.load());
  };
  for (int i = 1; i <= 20; ++i) {
    other_came.store(false);
    lend_loop();
    std::this_thread::sleep_for(
        std::chrono::milliseconds(3));  // until the other one sleeps, if it can
    send(service_, 1);
    ASSERT_TRUE(more_arrive(2));
  }
}

TEST_P(SchedulerLoopOfTwo, AWorkerThatWatchesTheOtherLeavesTheLoopToItsThread) {
  static std::atomic<bool> goes_on;
  on_message = [](int session) {
    while (session == 1 && !goes_on.load()) {
    }
  };
  lend_loop();
  bool given_back = false;
  // A worker that was on its way to the list may take the long message from the one that waits.
  for (int i = 0; i < 100 && !given_back; ++i) {
    goes_on.store(false);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    send(other_, 1);
    loop_.put_in([&] { send(service_, 2); });
    given_back = loop_.is_given_back(std::chrono::milliseconds(100));
    goes_on.store(true);
    ASSERT_TRUE(more_arrive(2));
    if (!given_back) lend_loop();
  }
  EXPECT_TRUE(given_back);
}

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerLoopOfTwo, testing::Values(2));

}  // namespace
}  // namespace runtime
