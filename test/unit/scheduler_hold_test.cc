#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/environment.h"
#include "core/node.h"
#include "core/service.h"

namespace runtime {
namespace {

std::atomic<int> handled{0};

bool eventually(auto condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

int count(skynet_context*, void*, int, int, uint32_t, const void*, size_t) {
  handled.fetch_add(1);
  return 0;
}
// Sends to three services from a worker, and to a fourth from another thread meanwhile.
std::atomic<bool> kept_back{false}, sent{false};
int spread(skynet_context* context, void*, int, int, uint32_t, const void*, size_t) {
  Node& node = Service::from(context).node();
  const auto send = [&](Handle to) {
    return node.deliver(to, Message::make(0, kTypeLua, 0, nullptr, 0));
  };
  const int before = handled.load();
  node.scheduler.hold();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(send(node.launch("count", nullptr)));
  std::thread([&] { EXPECT_TRUE(send(node.launch("count", nullptr))); }).join();
  EXPECT_TRUE(eventually([&] { return handled.load() > before; }));
  kept_back = handled.load() == before + 1;
  node.scheduler.release_held();
  sent = true;
  return 0;
}
int spread_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(spread, nullptr);
  return 0;
}
int quiet_init(void*, skynet_context*, const char*) { return 0; }
int count_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(count, nullptr);
  return 0;
}

class SchedulerHold : public testing::Test {
 protected:
  static NodeOptions options() {
    static const Module modules[] = {{"quiet", nullptr, quiet_init, nullptr, nullptr},
                                     {"count", nullptr, count_init, nullptr, nullptr},
                                     {"spread", nullptr, spread_init, nullptr, nullptr}};
    NodeOptions options;
    options.threads = 4;
    options.builtin_modules = modules;
    return options;
  }

  void SetUp() override {
    handled = 0;
    node.start();
    ASSERT_NE(node.launch("quiet", nullptr), 0U) << "the log service";
  }
  void TearDown() override {
    node.abort();
    EXPECT_TRUE(node.wait(std::chrono::seconds(60)));
    node.stop();
  }
  bool send(Handle to) { return node.deliver(to, Message::make(0, kTypeLua, 0, nullptr, 0)); }

  Environment environment;
  Node node{options(), environment};
};

TEST_F(SchedulerHold, WhatIsHeldBackBeginsWithTheRelease) {
  node.scheduler.hold();
  const Handle first = node.launch("count", nullptr), second = node.launch("count", nullptr);
  EXPECT_TRUE(send(first) && send(second) && send(first));
  // Other threads are not concerned, and what they send overtakes.
  std::thread([&] { EXPECT_TRUE(send(node.launch("count", nullptr))); }).join();
  EXPECT_TRUE(eventually([&] { return handled.load() >= 1; }));
  EXPECT_TRUE(node.retire(second)) << "one that is held back may end";
  EXPECT_EQ(handled.load(), 1);
  node.scheduler.release_held();
  EXPECT_TRUE(eventually([&] { return handled.load() == 3; }));

  EXPECT_TRUE(send(first)) << "nothing is held any more";
  EXPECT_TRUE(eventually([&] { return handled.load() == 4; }));
}

TEST_F(SchedulerHold, AWorkerHandsOverAtOnceWhatItHasKeptBack) {
  EXPECT_TRUE(send(node.launch("spread", nullptr)));
  EXPECT_TRUE(eventually([&] { return sent.load() && handled.load() == 4; }));
  EXPECT_TRUE(kept_back);
}

}  // namespace
}  // namespace runtime
