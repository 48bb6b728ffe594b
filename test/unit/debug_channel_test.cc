#include "core/debug_channel.h"

#include <gtest/gtest.h>

#include <thread>

namespace runtime {
namespace {

constexpr std::int64_t kDeadlineMs = 10000;

TEST(DebugChannel, GivesTextsInTheOrderTheyWereWritten) {
  DebugChannel* channel = DebugChannel::create();
  channel->write("one");
  channel->write("two");
  std::string text;
  EXPECT_TRUE(channel->read(&text, 0));
  EXPECT_EQ(text, "one");
  EXPECT_TRUE(channel->read(&text, 0));
  EXPECT_EQ(text, "two");
  EXPECT_FALSE(channel->read(&text, 0));
  channel->release();
}

TEST(DebugChannel, ConnectsOnce) {
  DebugChannel* channel = DebugChannel::create();
  EXPECT_EQ(DebugChannel::connect(channel), channel);
  EXPECT_EQ(DebugChannel::connect(channel), nullptr);
  channel->release();
  EXPECT_EQ(DebugChannel::connect(channel), nullptr);
  channel->release();
}

TEST(DebugChannel, OnlyAddressesOfChannelsConnect) {
  int other = 0;
  EXPECT_EQ(DebugChannel::connect(&other), nullptr);
  EXPECT_EQ(DebugChannel::connect(nullptr), nullptr);
  DebugChannel* channel = DebugChannel::create();
  channel->release();
  EXPECT_EQ(DebugChannel::connect(channel), nullptr);
}

TEST(DebugChannel, AReaderWaitsForTheOtherEnd) {
  DebugChannel* channel = DebugChannel::create();
  std::thread agent([end = DebugChannel::connect(channel)] {
    std::string command;
    EXPECT_TRUE(end->read(&command, kDeadlineMs));
    end->release();
  });
  channel->write("continue");
  channel->release();
  agent.join();
}

}  // namespace
}  // namespace runtime
