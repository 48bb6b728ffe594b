// How long a turn may be.
#include "core/turn.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "core/environment.h"
#include "core/node.h"
#include "core/scheduler.h"

namespace runtime {
namespace {

constexpr std::uint64_t kForEver = std::numeric_limits<std::uint64_t>::max() / 2;

int quiet_init(void*, skynet_context*, const char*) { return 0; }

// A node that is not started: these tests are its worker.
class TurnTest : public testing::Test {
 protected:
  TurnTest() : service_(node_.acquire(node_.launch("quiet", nullptr))) {
    while (messages(kForEver) != 0) {
    }
  }
  // The service is in the node's queue all the time: a worker finds it there, and releases it.
  ~TurnTest() override {
    node_.retire(service_->handle());
    node_.start();
    while (node_.service_count() != 0) std::this_thread::yield();
    service_->drop();
  }

  static NodeOptions options() {
    static const Module modules[] = {{"quiet", nullptr, quiet_init, nullptr, nullptr}};
    NodeOptions options;
    options.builtin_modules = modules;
    return options;
  }
  void send(int count) {
    for (int i = 0; i < count; ++i)
      EXPECT_TRUE(node_.deliver(service_->handle(), Message::make(0, kTypeLua, i, nullptr, 0)));
  }
  // How many messages a turn gives.
  int messages(std::uint64_t limit_cycles) {
    worker_.set_mark();
    Turn turn(worker_, *service_, limit_cycles);
    int count = 0;
    for (Message message; turn.next(&message); ++count) message.free_payload();
    Message message;
    EXPECT_FALSE(turn.next(&message)) << "one that asks again hears the same";
    return count;
  }

  Environment environment_;
  Node node_{options(), environment_};
  Worker worker_{node_.scheduler, 0};
  Service* service_;
};

TEST_F(TurnTest, ItEndsWithTheLastMessage) {
  send(3);
  EXPECT_EQ(messages(kForEver), 3);
  EXPECT_EQ(messages(kForEver), 0);
}

TEST_F(TurnTest, ItsNumberOfMessagesIsBounded) {
  send(Turn::kMessages + 10);
  const int first = messages(kForEver);
  EXPECT_LE(first, Turn::kMessages);
  EXPECT_GT(first, Turn::kMessages / 2);
  EXPECT_FALSE(service_->mailbox().become_idle()) << "the rest waits";
  EXPECT_EQ(messages(kForEver), Turn::kMessages + 10 - first);
}

TEST_F(TurnTest, ItsTimeIsBounded) {
  send(Turn::kMessages);
  EXPECT_LT(messages(0), Turn::kMessagesPerLook + 1);
}

TEST_F(TurnTest, ARetiredServiceGetsNoMore) {
  send(2);
  EXPECT_TRUE(node_.retire(service_->handle()));
  EXPECT_EQ(messages(kForEver), 0);
}

TEST_F(TurnTest, EachMessageIsSeenFromOutside) {
  send(2);
  const auto before = worker_.progress().version;
  EXPECT_EQ(messages(kForEver), 2);
  EXPECT_EQ(worker_.progress().version, before + 2);
}

}  // namespace
}  // namespace runtime
