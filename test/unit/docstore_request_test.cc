#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "bson/writer.h"
#include "docstore/wire/crc32c.h"
#include "docstore/wire/request.h"

namespace runtime::docstore {
namespace {

std::string word(std::uint32_t number) { return {reinterpret_cast<const char*>(&number), 4}; }

std::string document(std::string_view key, std::int32_t value) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  writer.int32(key, value);
  writer.close(root);
  return std::string(writer.bytes());
}

std::string frame(std::int32_t opcode, const std::string& body) {
  return word(static_cast<std::uint32_t>(body.size() + 16)) + word(7) + word(0) +
         word(static_cast<std::uint32_t>(opcode)) + body;
}

std::string message(std::uint32_t flags, const std::string& sections) {
  return frame(2013, word(flags) + sections);
}

std::string body(const std::string& document) { return std::string(1, '\0') + document; }

std::string sequence(const std::string& name, const std::string& documents) {
  return '\1' + word(static_cast<std::uint32_t>(4 + name.size() + 1 + documents.size())) + name +
         '\0' + documents;
}

const char* fault(const std::string& bytes) {
  const char* const text = parse_request(bytes).malformed;
  return text != nullptr ? text : "none";
}

TEST(DocstoreRequest, ACommandAndItsSequencesAreRead) {
  const std::string command = document("insert", 1), one = document("a", 1), two = document("b", 2);
  const std::string bytes = message(0, body(command) + sequence("documents", one + two));
  const Request request = parse_request(bytes);
  ASSERT_EQ(request.malformed, nullptr);
  EXPECT_EQ(request.id, 7);
  EXPECT_EQ(request.command, command);
  ASSERT_EQ(request.sequences.size(), 1U);
  EXPECT_EQ(request.sequences[0].identifier, "documents");
  ASSERT_EQ(request.sequences[0].documents.size(), 2U);
  EXPECT_EQ(request.sequences[0].documents[1], two);
  EXPECT_FALSE(request.wants_no_answer);
}

TEST(DocstoreRequest, ASequenceMayComeBeforeItsCommand) {
  const std::string bytes =
      message(0, sequence("documents", document("a", 1)) + body(document("insert", 1)));
  const Request request = parse_request(bytes);
  ASSERT_EQ(request.malformed, nullptr);
  EXPECT_EQ(request.sequences.size(), 1U);
}

TEST(DocstoreRequest, MoreToComeMeansThatNoAnswerIsWanted) {
  const std::string bytes = message(2, body(document("ping", 1)));
  EXPECT_TRUE(parse_request(bytes).wants_no_answer);
}

TEST(DocstoreRequest, AChecksumIsVerified) {
  std::string bytes = message(1, body(document("ping", 1)) + word(0));
  EXPECT_STREQ(fault(bytes), "a wrong checksum");
  const std::uint32_t sum = crc32c(std::string_view(bytes).substr(0, bytes.size() - 4));
  bytes.replace(bytes.size() - 4, 4, word(sum));
  EXPECT_STREQ(fault(bytes), "none");
}

TEST(DocstoreRequest, TheChecksumIsThatOfTheStandard) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);  // the check value of CRC-32C
}

TEST(DocstoreRequest, AnOldHelloIsReadAndAnsweredAsAQuery) {
  const std::string hello = document("isMaster", 1);
  const std::string bytes =
      frame(2004, word(4) + std::string("admin.$cmd") + '\0' + word(0) + word(1) + hello);
  const Request request = parse_request(bytes);
  ASSERT_EQ(request.malformed, nullptr);
  EXPECT_EQ(request.command, hello);
  EXPECT_EQ(request.collection, "admin.$cmd");
  const Frame answer = frame_answer(request, 3, hello);
  const std::string_view text(answer.bytes, answer.size);
  EXPECT_EQ(text.substr(0, 16),
            word(static_cast<std::uint32_t>(36 + hello.size())) + word(3) + word(7) + word(1));
  EXPECT_EQ(text.substr(36), hello);
  std::free(answer.bytes);
}

TEST(DocstoreRequest, AnAnswerIsOneMessageToItsRequest) {
  const std::string command = document("ping", 1);
  const std::string bytes = message(0, body(command));
  const Frame answer = frame_answer(parse_request(bytes), 3, command);
  const std::string_view text(answer.bytes, answer.size);
  EXPECT_EQ(text, word(static_cast<std::uint32_t>(21 + command.size())) + word(3) + word(7) +
                      word(2013) + word(0) + '\0' + command);
  std::free(answer.bytes);
}

TEST(DocstoreRequest, WhatIsMalformedIsNamed) {
  const std::string ping = document("ping", 1);
  EXPECT_STREQ(fault(""), "a length that is not the message's");
  EXPECT_STREQ(fault(message(0, body(ping)) + "x"), "a length that is not the message's");
  EXPECT_STREQ(fault(frame(2013, "")), "a message without flags");
  EXPECT_STREQ(fault(message(4, body(ping))), "flags that are not known");
  EXPECT_STREQ(fault(message(1, "")), "a message without its checksum");
  EXPECT_STREQ(fault(message(0, "")), "a message without a command");
  EXPECT_STREQ(fault(message(0, body(ping) + body(ping))), "two commands in one message");
  EXPECT_STREQ(fault(message(0, body(ping.substr(0, 8)))), "a malformed command");
  EXPECT_STREQ(fault(message(0, "\5")), "a section of an unknown kind");
  EXPECT_STREQ(fault(message(0, "\1")), "a document sequence without a size");
  EXPECT_STREQ(fault(message(0, '\1' + word(99) + "a")),
               "a document sequence that goes beyond its message");
  EXPECT_STREQ(fault(message(0, '\1' + word(5) + "a")), "a document sequence without a name");
  EXPECT_STREQ(fault(message(0, sequence("a", "junk"))), "a malformed document in a sequence");
  EXPECT_STREQ(fault(frame(2002, "")), "an opcode other than OP_MSG");
}

TEST(DocstoreRequest, LengthsThatNoFrameCanHaveAreRefused) {
  EXPECT_EQ(bytes_after_length(word(16)), 12);
  EXPECT_EQ(bytes_after_length(word(15)), -1);
  EXPECT_EQ(bytes_after_length(word(0xffffffff)), -1);
  EXPECT_EQ(bytes_after_length(word(kMaxMessageBytes + 1)), -1);
}

}  // namespace
}  // namespace runtime::docstore
