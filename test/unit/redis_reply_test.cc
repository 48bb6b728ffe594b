#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "redis/crc16.h"
#include "redis/reply_reader.h"

namespace runtime::redis {
namespace {

Status status_of(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  return reader.next();
}

void take(ReplyReader& reader, std::string_view bytes) {
  auto* block = static_cast<char*>(std::malloc(bytes.size() + 1));
  std::memcpy(block, bytes.data(), bytes.size());
  reader.take(block, bytes.size());
}

TEST(RedisReply, ABlockIsReadWhereItIs) {
  ReplyReader reader;
  auto* block = static_cast<char*>(std::malloc(8));
  std::memcpy(block, "$2\r\nab\r\n", 8);
  reader.take(block, 8);
  ASSERT_EQ(reader.next(), Status::ready);
  EXPECT_EQ(reader.reply().data(), block);
}

TEST(RedisReply, RepliesMayLieAcrossAnyBlocks) {
  const std::string replies = "+one\r\n$3\r\ntwo\r\n*2\r\n:1\r\n$2\r\nab\r\n-no\r\n";
  for (std::size_t step = 1; step <= replies.size(); step++) {
    ReplyReader reader;
    std::string got;
    std::size_t count = 0;
    for (std::size_t at = 0; at < replies.size(); at += step) {
      take(reader, std::string_view(replies).substr(at, step));
      for (; reader.next() == Status::ready; reader.pop()) {
        got += reader.reply();
        count++;
      }
    }
    EXPECT_EQ(got, replies) << "in blocks of " << step;
    EXPECT_EQ(count, 4u);
    EXPECT_EQ(reader.held(), 0u);
  }
}

TEST(RedisReply, ASizeOfLeadingZerosIsThatSize) {
  ReplyReader reader;
  reader.feed("$0000000000002\r\nab\r\n");
  ASSERT_EQ(reader.next(), Status::ready);
  reader.pop();
  EXPECT_EQ(reader.held(), 0u);
}

TEST(RedisReply, IsWholeOnlyWithItsLastByte) {
  for (const std::string reply : {"+OK\r\n",
                                  "-ERR a\r\n",
                                  ":-12\r\n",
                                  "$3\r\na\r\n\r\n",
                                  "$0\r\n\r\n",
                                  "$-1\r\n",
                                  "*-1\r\n",
                                  "*0\r\n",
                                  "*2\r\n*1\r\n:1\r\n$1\r\nz\r\n",
                                  "_\r\n",
                                  "#t\r\n",
                                  ",1.5\r\n",
                                  "(123\r\n",
                                  "=5\r\ntxt:a\r\n",
                                  "!3\r\nERR\r\n",
                                  "%1\r\n+k\r\n:1\r\n",
                                  "~1\r\n:1\r\n",
                                  ">1\r\n:1\r\n",
                                  "|1\r\n+k\r\n+v\r\n:7\r\n",
                                  "*1\r\n|1\r\n+k\r\n+v\r\n:7\r\n"}) {
    ReplyReader reader;
    for (std::size_t i = 0; i + 1 < reply.size(); i++) {
      reader.feed(reply.substr(i, 1));
      ASSERT_EQ(reader.next(), Status::incomplete) << reply << " after byte " << i;
    }
    reader.feed(reply.substr(reply.size() - 1));
    ASSERT_EQ(reader.next(), Status::ready) << reply;
    EXPECT_EQ(reader.reply(), reply);
    reader.pop();
    EXPECT_EQ(reader.held(), 0u);
  }
}

TEST(RedisReply, RepliesOfOneSegmentComeOneByOne) {
  ReplyReader reader;
  reader.feed("+one\r\n$3\r\ntwo\r\n:3");
  std::vector<std::string> replies;
  while (reader.next() == Status::ready) {
    replies.emplace_back(reader.reply());
    reader.pop();
  }
  EXPECT_EQ(replies, (std::vector<std::string>{"+one\r\n", "$3\r\ntwo\r\n"}));
  EXPECT_EQ(reader.held(), 2u);
}

TEST(RedisReply, WhatNoServerSendsIsAnError) {
  for (const std::string_view bytes : {"?\r\n",
                                       "\r\n",
                                       "!junk\r\n",
                                       "$xyz\r\n",
                                       "$\r\n",
                                       "$-2\r\n",
                                       "$999999999999\r\nabc",
                                       "*xyz\r\n",
                                       "*99999999999\r\n",
                                       "$1\r\nabc",
                                       ":1a\r\n",
                                       ":\r\n",
                                       ":+-1\r\n",
                                       "#x\r\n",
                                       "*1\r\n?\r\n",
                                       "~-1\r\n",
                                       "_x\r\n",
                                       ",\r\n",
                                       ",abc\r\n",
                                       ",1.5x\r\n",
                                       ",infinity\r\n",
                                       ",0x1\r\n",
                                       "(\r\n",
                                       "(-\r\n",
                                       "(12a\r\n"}) {
    EXPECT_EQ(status_of(bytes), Status::error) << bytes;
  }
}

TEST(RedisReply, NumbersOfAllKinds) {
  for (const std::string_view bytes :
       {",10\r\n", ",-1.5e-300\r\n", ",+2\r\n", ",1e400\r\n", ",inf\r\n", ",-inf\r\n", ",nan\r\n",
        "(-3492890328409238509324850943850943825024385\r\n", "(+1\r\n", ":+5\r\n"}) {
    EXPECT_EQ(status_of(bytes), Status::ready) << bytes;
  }
}

TEST(RedisReply, ASizeLineThatNeverEndsIsAnError) {
  EXPECT_EQ(status_of("$" + std::string(40, '1')), Status::error);
}

TEST(RedisReply, ALineOfTheLongestSizeMayComeByteByByte) {
  const std::string line = "," + std::string(31, '1') + "\r\n";
  ReplyReader reader;
  for (std::size_t i = 0; i + 1 < line.size(); i++) {
    reader.feed(line.substr(i, 1));
    EXPECT_EQ(reader.next(), Status::incomplete) << i;
  }
  reader.feed("\n");
  EXPECT_EQ(reader.next(), Status::ready);
}

TEST(RedisReply, ListsWithinListsHaveALimit) {
  std::string deep;
  for (std::size_t i = 0; i < kMaxDepth; i++) deep += "*1\r\n";
  EXPECT_EQ(status_of(deep + ":1\r\n"), Status::ready);
  EXPECT_EQ(status_of(deep + "*1\r\n:1\r\n"), Status::error);
}

TEST(RedisReply, AnErrorIsFinal) {
  ReplyReader reader;
  reader.feed("?");
  EXPECT_EQ(reader.next(), Status::error);
  reader.feed("+OK\r\n");
  EXPECT_EQ(reader.next(), Status::error);
}

TEST(RedisCrc16, IsXmodem) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(crc16(""), 0);
}

}  // namespace
}  // namespace runtime::redis
