#include <gtest/gtest.h>

#include <string>

#include "mongo/message.h"

namespace runtime::mongo {
namespace {

const std::string kEmptyDocument("\5\0\0\0\0", 5);

std::string length_of(std::uint32_t length) {
  return std::string(reinterpret_cast<const char*>(&length), sizeof length);
}

// What follows the length of a reply to request 7, with one byte changed.
std::string reply(std::size_t at = 0, char byte = 0) {
  char head[kHeadBytes];
  write_head(head, 99, 0, kEmptyDocument.size());
  head[8] = 7;
  if (at != 0) head[at] = byte;
  return std::string(head + kLengthBytes, sizeof head - kLengthBytes) + kEmptyDocument;
}

TEST(MongoMessage, GivesTheBytesThatFollowALength) {
  EXPECT_EQ(remaining(length_of(26)), 22);
  EXPECT_EQ(remaining(length_of(kLargestMessage)), kLargestMessage - 4);
}

TEST(MongoMessage, RefusesALengthThatNoMessageHas) {
  for (const std::uint32_t length : {0u, 3u, 4u, 16u, 20u, 25u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(remaining(length_of(length)), -1) << length;
  }
  EXPECT_EQ(remaining(length_of(kLargestMessage + 1)), -1);
  EXPECT_EQ(remaining("abc"), -1);
}

TEST(MongoMessage, WritesTheHeadOfARequest) {
  char head[kHeadBytes];
  write_head(head, 0x01020304, 2, 30);
  EXPECT_EQ(std::string(head, sizeof head),
            std::string("\x33\0\0\0\4\3\2\1\0\0\0\0\xdd\7\0\0\2\0\0\0\0", kHeadBytes));
}

TEST(MongoMessage, FindsTheDocumentOfAReply) {
  const std::string bytes = reply();
  const Reply got = parse_reply(bytes);
  EXPECT_EQ(got.refusal, Refusal::none);
  EXPECT_EQ(got.response_to, 7);
  EXPECT_EQ(got.document, kEmptyDocument);
  EXPECT_EQ(parse_reply(reply(16, 2)).refusal, Refusal::none);  // moreToCome
}

TEST(MongoMessage, SaysWhatIsWrongWithAReply) {
  EXPECT_EQ(parse_reply("").refusal, Refusal::head);
  EXPECT_EQ(parse_reply(reply().substr(0, 16)).refusal, Refusal::head);
  EXPECT_EQ(parse_reply(reply(12, 1)).refusal, Refusal::opcode);
  EXPECT_EQ(parse_reply(reply(16, 1)).refusal, Refusal::flags);
  EXPECT_EQ(parse_reply(reply(20, 1)).refusal, Refusal::section);
  EXPECT_EQ(parse_reply(reply().substr(0, 20)).refusal, Refusal::document);
  EXPECT_EQ(parse_reply(reply() + kEmptyDocument).refusal, Refusal::document);
  std::string lies = reply();
  lies[17] = '\x7f';
  EXPECT_EQ(parse_reply(lies).refusal, Refusal::document);
}

}  // namespace
}  // namespace runtime::mongo
