// What is to run and stands still, because its worker's message takes long, goes to another worker.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

#include "core/environment.h"
#include "core/node.h"
#include "core/service.h"
#include "thread_slice.h"

namespace runtime {
namespace {

std::atomic<int> arrived{0};
std::atomic<bool> in_time{true};
Node* node_of_test = nullptr;

int arrive(skynet_context*, void*, int, int, uint32_t, const void*, size_t) {
  arrived.fetch_add(1);
  return 0;
}
int arrive_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(arrive, nullptr);
  return 0;
}

void work_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// Sends a message to the service that the message names, and works until that has handled it.
int send_and_work(skynet_context*, void*, int, int session, uint32_t to, const void*, size_t) {
  // Now and then long enough for the watcher to doze.
  if (session % 7 == 0) work_for(std::chrono::milliseconds(2));
  const int before = arrived.load();
  node_of_test->deliver(to, Message::make(0, kTypeLua, session, nullptr, 0));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (arrived.load() == before) {
    if (std::chrono::steady_clock::now() > end) {
      in_time.store(false);
      break;
    }
  }
  return 0;
}

// Two that send to each other, from one worker's slot, until it has its usual slice.
constexpr int kMostRelayed = 1000;
std::uint64_t usual_slice_ns = 0;
std::atomic<std::uint64_t> first_slice_ns{0};
std::atomic<int> relayed{0};
Handle relays[2];
int relay(skynet_context*, void*, int, int session, uint32_t, const void*, size_t) {
  const std::uint64_t slice = slice_ns(0);
  const int count = relayed.fetch_add(1);
  if (count == 0) first_slice_ns.store(slice);
  if (slice == usual_slice_ns || count == kMostRelayed) {
    arrived.fetch_add(1);
  } else {
    node_of_test->deliver(relays[(count + 1) % 2], Message::make(0, kTypeLua, session, nullptr, 0));
  }
  return 0;
}
int relay_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(relay, nullptr);
  return 0;
}

std::atomic<bool> released{false};
// Passes the message on to the next of the chain, and works on until released; the last one only arrives.
Handle chain[3];
int pass_on(skynet_context*, void*, int, int at, uint32_t, const void*, size_t) {
  if (at == 2) {
    arrived.fetch_add(1);
    return 0;
  }
  node_of_test->deliver(chain[at + 1], Message::make(0, kTypeLua, at + 1, nullptr, 0));
  while (!released.load()) {
  }
  return 0;
}
int pass_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(pass_on, nullptr);
  return 0;
}

int work_until_released(skynet_context*, void*, int, int, uint32_t, const void*, size_t) {
  while (!released.load()) {
  }
  return 0;
}
int hold_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(work_until_released, nullptr);
  return 0;
}
int work_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(send_and_work, nullptr);
  return 0;
}
int quiet_init(void*, skynet_context*, const char*) { return 0; }

class SchedulerWatch : public testing::TestWithParam<int> {};

// A node with the services of this test.
class WatchedNode {
 public:
  explicit WatchedNode(int threads) : node_(options(threads), environment_) {
    node_of_test = &node_;
    node_.start();
    EXPECT_NE(node_.launch("quiet", nullptr), 0U) << "the log service";
    arrived.store(0);
    in_time.store(true);
    released.store(false);
  }
  ~WatchedNode() {
    released.store(true);
    node_.abort();
    EXPECT_TRUE(node_.wait(std::chrono::seconds(60)));
    node_.stop();
  }

  Handle launch(const char* module) { return node_.launch(module, nullptr); }
  void send(Handle from, Handle to, int session) {
    EXPECT_TRUE(node_.deliver(to, Message::make(from, kTypeLua, session, nullptr, 0)));
  }

 private:
  static NodeOptions options(int threads) {
    static const Module modules[] = {{"quiet", nullptr, quiet_init, nullptr, nullptr},
                                     {"arrive", nullptr, arrive_init, nullptr, nullptr},
                                     {"work", nullptr, work_init, nullptr, nullptr},
                                     {"relay", nullptr, relay_init, nullptr, nullptr},
                                     {"pass", nullptr, pass_init, nullptr, nullptr},
                                     {"hold", nullptr, hold_init, nullptr, nullptr}};
    NodeOptions options;
    options.threads = threads;
    options.builtin_modules = modules;
    return options;
  }

  Environment environment_;
  Node node_;
};

bool arrive_in_time(int count) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (arrived.load() < count && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  return arrived.load() == count;
}

TEST_P(SchedulerWatch, AMessageArrivesWhileItsSenderWorks) {
  WatchedNode node(GetParam());
  const Handle to = node.launch("arrive"), worker = node.launch("work");
  for (int i = 1; i <= 200; ++i) {
    // With a watcher that is still awake, and with one that has gone to sleep.
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    node.send(to, worker, i);
    ASSERT_TRUE(arrive_in_time(i));
    ASSERT_TRUE(in_time.load());
  }
}

TEST_P(SchedulerWatch, MessagesFromElsewhereArriveWhileAWorkerIsHeldUp) {
  WatchedNode node(GetParam());
  const Handle to = node.launch("arrive"), holder = node.launch("hold");
  node.send(to, holder, 1);
  for (int i = 1; i <= 100; ++i) {
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    node.send(holder, to, i);
    ASSERT_TRUE(arrive_in_time(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerWatch, testing::Values(2, 3, 16));

TEST(SchedulerSlices, AWorkerThatHasWatchedGetsItsUsualSliceBackAtWork) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  usual_slice_ns = slice_ns(0);
  WatchedNode node(2);
  const Handle worker = node.launch("work");
  for (Handle& relay : relays) relay = node.launch("relay");
  bool taken_over = false;
  for (int i = 1; i <= 100 && !taken_over; ++i) {
    relayed.store(0);
    node.send(relays[0], worker, i);
    ASSERT_TRUE(arrive_in_time(i));
    ASSERT_LT(relayed.load(), kMostRelayed);
    taken_over = first_slice_ns.load() < usual_slice_ns;
  }
  EXPECT_TRUE(taken_over);
}

// How many threads of this process have a shorter slice than the caller.
int threads_with_short_slices() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::uint64_t slice = slice_ns(std::stoi(entry.path().filename().string()));
    if (slice != 0 && slice < slice_ns(0)) ++count;
  }
  return count;
}

// Lets two workers watch. How many have a short slice when all sleep, at best; 0: only one of them has watched, as a third
// has stolen what the first took over.
int short_slices_after_two_watched() {
  WatchedNode node(3);
  for (Handle& service : chain) service = node.launch("pass");
  node.send(chain[2], chain[0], 0);
  EXPECT_TRUE(arrive_in_time(1));
  int least = threads_with_short_slices();
  if (least < 2) return 0;
  released.store(true);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (least > 1 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    least = std::min(least, threads_with_short_slices());
  }
  return least;
}

TEST(SchedulerSlices, AWorkerThatHasWatchedGetsItsUsualSliceBackBeforeItSleeps) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  // The last that has watched keeps its short one; and now and then a worker is the last when it goes to sleep, and another
  // watches after that.
  int least = 0;
  for (int tries = 0; least != 1 && tries < 20;) {
    least = short_slices_after_two_watched();
    if (least > 1) ++tries;
  }
  EXPECT_EQ(least, 1);
}

}  // namespace
}  // namespace runtime
