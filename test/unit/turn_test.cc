// How long a turn may be.
#include "core/turn.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

#include "core/environment.h"
#include "core/node.h"
#include "core/scheduler.h"
#include "core/socket_message.h"

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

// What a message of the socket server, which is taken over, says.
std::string told_by(const Message& message) {
  const skynet_socket_message* const event = socket_event(message);
  if (event == nullptr) return "no event";
  const std::string text = std::to_string(event->type) + " " + std::to_string(event->id) + " " +
                           std::string(event->buffer, static_cast<std::size_t>(event->ud));
  std::free(event->buffer);
  message.free_payload();
  return text;
}

// Bytes of connection 7.
Message received(std::string_view bytes) {
  auto* const memory = static_cast<char*>(std::malloc(bytes.size()));
  bytes.copy(memory, bytes.size());
  return received_message(7, memory, bytes.size());
}

TEST_F(TurnTest, WhatWasReceivedIsAnEventForThoseWhoKnowNothingElse) {
  ASSERT_TRUE(node_.deliver(service_->handle(), received("abc")));
  ASSERT_TRUE(node_.deliver(service_->handle(), received("d")));
  worker_.set_mark();
  Turn turn(worker_, *service_, kForEver);
  Message message;
  ASSERT_TRUE(turn.next(&message));
  EXPECT_EQ(told_by(message), "1 7 abc");
  ASSERT_TRUE(turn.next_given(&message));
  ASSERT_TRUE(is_received(message)) << "who asks for it gets it as it is";
  EXPECT_EQ(message.session, 7);
  EXPECT_EQ(std::string_view(static_cast<char*>(message.data), message.size()), "d");
  message.free_payload();
  EXPECT_FALSE(turn.next(&message));
}

TEST_F(TurnTest, AFilterIsShownAnEvent) {
  std::string shown;
  const auto show = [](skynet_context*, void* userdata, int type, int session, std::uint32_t source,
                       void* data, std::size_t size) {
    *static_cast<std::string*>(userdata) +=
        told_by(Message::make(source, type, session, data, size)) + ";";
    return 1;
  };
  service_->set_filter(show, &shown);
  ASSERT_TRUE(node_.deliver(service_->handle(), received("abc")));
  ASSERT_TRUE(node_.deliver(service_->handle(), received("d")));
  EXPECT_EQ(messages(kForEver), 0);
  EXPECT_EQ(shown, "1 7 abc;1 7 d;");
  service_->set_filter(nullptr, nullptr);
}

TEST_F(TurnTest, WhatWasReceivedForAServiceThatEndsIsFreed) {
  ASSERT_TRUE(node_.deliver(service_->handle(), received("abc")));  // the sanitizer tells
}

}  // namespace
}  // namespace runtime
