// What is to run and stands still, because its worker's message takes long, goes to another worker.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/environment.h"
#include "core/node.h"
#include "core/service.h"

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

// Sends a message to the service that the message names, and works until that has handled it.
int send_and_work(skynet_context*, void*, int, int session, uint32_t to, const void*, size_t) {
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
int work_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(send_and_work, nullptr);
  return 0;
}
int quiet_init(void*, skynet_context*, const char*) { return 0; }

class SchedulerWatch : public testing::TestWithParam<int> {};

TEST_P(SchedulerWatch, AMessageArrivesWhileItsSenderWorks) {
  const Module modules[] = {{"quiet", nullptr, quiet_init, nullptr, nullptr},
                            {"arrive", nullptr, arrive_init, nullptr, nullptr},
                            {"work", nullptr, work_init, nullptr, nullptr}};
  NodeOptions options;
  options.threads = GetParam();
  options.builtin_modules = modules;
  Environment environment;
  Node node(options, environment);
  node_of_test = &node;
  node.start();
  ASSERT_NE(node.launch("quiet", nullptr), 0U) << "the log service";
  const Handle to = node.launch("arrive", nullptr), worker = node.launch("work", nullptr);

  arrived.store(0);
  in_time.store(true);
  for (int i = 1; i <= 200; ++i) {
    // With a watcher that is still awake, and with one that has gone to sleep.
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_TRUE(node.deliver(worker, Message::make(to, kTypeLua, i, nullptr, 0)));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (arrived.load() < i && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    ASSERT_EQ(arrived.load(), i);
    ASSERT_TRUE(in_time.load());
  }
  node.abort();
  EXPECT_TRUE(node.wait(std::chrono::seconds(60)));
  node.stop();
}

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerWatch, testing::Values(2, 3, 16));

}  // namespace
}  // namespace runtime
