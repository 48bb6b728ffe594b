#include "core/node.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "core/environment.h"
#include "core/multicast_package.h"
#include "core/service.h"
#include "core/socket_message.h"

namespace runtime {
namespace {

constexpr auto kDeadline = std::chrono::seconds(60);

// What the services of a test have seen.
struct Seen {
  std::atomic<int> handled{0};
  std::atomic<int> errors{0};
  std::atomic<int> released{0};
};
Seen* seen = nullptr;

int count(skynet_context*, void*, int type, int, uint32_t, const void*, size_t) {
  (type == kTypeError ? seen->errors : seen->handled).fetch_add(1);
  return 0;
}

int quiet_init(void*, skynet_context*, const char*) { return 0; }
int count_init(void*, skynet_context* context, const char*) {
  Service::from(context).set_callback(count, nullptr);
  return 0;
}
int failing_init(void*, skynet_context*, const char*) { return 1; }
void count_release(void*) { seen->released.fetch_add(1); }

std::span<const Module> test_modules() {
  static const Module all[] = {
      {"quiet", nullptr, quiet_init, nullptr, nullptr},
      {"count", nullptr, count_init, count_release, nullptr},
      {"failing", nullptr, failing_init, count_release, nullptr},
  };
  return all;
}

class NodeTest : public testing::Test {
 protected:
  NodeTest() : node(options(), environment) {
    seen = &seen_;
    node.start();
    EXPECT_NE(node.launch("quiet", nullptr), 0U) << "the log service";
  }
  ~NodeTest() override { end(); }

  static NodeOptions options() {
    NodeOptions options;
    options.threads = 8;
    options.builtin_modules = test_modules();
    return options;
  }

  void end() {
    node.abort();
    EXPECT_TRUE(node.wait(kDeadline)) << node.service_count() << " services are left";
    node.stop();
  }

  // One message with a payload. True: it was taken.
  bool send(Handle from, Handle to) {
    void* data = std::malloc(16);
    std::memset(data, 1, 16);
    if (node.deliver(to, Message::make(from, kTypeLua, 1, data, 16))) return true;
    std::free(data);
    return false;
  }

  bool eventually(auto condition) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Seen seen_;
  Environment environment;
  Node node;
};

TEST_F(NodeTest, ARetiredServiceTakesNoMessageAndIsReleasedOnce) {
  const Handle handle = node.launch("count", nullptr);
  ASSERT_TRUE(send(0, handle));
  EXPECT_TRUE(node.retire(handle));
  EXPECT_FALSE(node.retire(handle));
  EXPECT_FALSE(send(0, handle));
  EXPECT_TRUE(eventually([&] { return seen_.released.load() == 1; }));
}

TEST_F(NodeTest, WhatAServiceWithoutCallbackGetsIsClosedAndFreed) {
  static std::atomic<int> closed;
  closed = 0;
  node.sockets.close = [](void*, int id) { closed.store(id); };
  const auto post = [this](Handle to, int type, int session, const void* bytes, std::size_t size) {
    void* const memory = std::malloc(size);
    std::memcpy(memory, bytes, size);
    EXPECT_TRUE(node.deliver(to, Message::make(0, type, session, memory, size)));
  };
  const Handle deaf = node.launch("quiet", nullptr);
  // The sanitizer tells of the bytes.
  const skynet_socket_message datagram{SKYNET_SOCKET_TYPE_UDP, 7, 3,
                                       static_cast<char*>(std::malloc(3))};
  post(deaf, kTypeSocket, 0, &datagram, sizeof(datagram));
  post(deaf, kTypeSocket, 7, "received", 8);
  MulticastPackage* const package = make_package(std::malloc(1), 1);
  ASSERT_TRUE(bind_package(package, 2));
  const std::uint64_t box = box_of(package);
  post(deaf, kTypeMulticast, 1, &box, sizeof(box));
  const skynet_socket_message accepted{SKYNET_SOCKET_TYPE_ACCEPT, 7, 8, nullptr};
  post(deaf, kTypeSocket, 0, &accepted,
       sizeof(accepted));  // the last one: it tells that all are done
  EXPECT_TRUE(eventually([&] { return closed.load() == 8; }));
  std::int32_t left = -1;
  EXPECT_TRUE(close_package(package, &left));
  EXPECT_EQ(left, 0);
}

TEST_F(NodeTest, AFailedStartIsReleasedAndLeavesNoHandle) {
  const std::size_t before = node.service_count();
  EXPECT_EQ(node.launch("failing", nullptr), 0U);
  EXPECT_EQ(node.launch("no such module", nullptr), 0U);
  EXPECT_EQ(seen_.released.load(), 1);
  EXPECT_EQ(node.service_count(), before);
}

TEST_F(NodeTest, ManyThreadsSendToManyServicesAndNothingIsLost) {
  constexpr int kServices = 50, kThreads = 4, kRounds = 400;
  std::vector<Handle> services;
  for (int i = 0; i < kServices; ++i) services.push_back(node.launch("count", nullptr));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        for (const Handle service : services) EXPECT_TRUE(send(0, service));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(eventually([&] { return seen_.handled.load() == kServices * kThreads * kRounds; }));
}

// Several threads end each service at once, others send to it for as long as it takes messages, a
// worker is running it, and the next services take the mailboxes of those before them.
TEST_F(NodeTest, ServicesThatAreEndedInTheMiddleAnswerForEveryMessage) {
  constexpr int kSenders = 2, kEnders = 2, kRounds = 1000;
  const Handle asker = node.launch("count", nullptr);
  std::atomic<Handle> victim{0};
  std::atomic<int> taken{0}, ended{0};
  std::barrier barrier(kSenders + kEnders + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kSenders + kEnders; ++t) {
    threads.emplace_back([&, sends = t < kSenders] {
      for (int round = 0; round < kRounds; ++round) {
        barrier.arrive_and_wait();
        const Handle handle = victim.load();
        if (sends) {
          while (send(asker, handle)) taken.fetch_add(1);
        } else {
          for (int i = 0; i < 5 && send(asker, handle); ++i) taken.fetch_add(1);
          ended.fetch_add(node.retire(handle));
        }
        barrier.arrive_and_wait();
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    victim.store(node.launch("count", nullptr));
    barrier.arrive_and_wait();
    node.launch("failing", nullptr);
    barrier.arrive_and_wait();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ended.load(), kRounds);
  EXPECT_TRUE(eventually([&] { return seen_.released.load() == 2 * kRounds; }));
  EXPECT_TRUE(eventually([&] {
    return seen_.handled.load() + seen_.errors.load() == taken.load();
  })) << seen_.handled.load()
      << " handled, " << seen_.errors.load() << " refused, " << taken.load() << " taken";
}

TEST_F(NodeTest, WhatIsLaunchedWhileTheNodeEndsGoesWithIt) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop.load()) node.launch("count", nullptr);
    });
  }
  ASSERT_TRUE(eventually([&] { return node.service_count() > 100; }));
  node.abort();
  EXPECT_TRUE(eventually([&] { return node.service_count() == 0; }));
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace runtime
