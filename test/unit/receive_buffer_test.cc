#include "net/receive_buffer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

namespace runtime {
namespace {

void push(ReceiveBuffer& buffer, std::string_view bytes) {
  auto* block = static_cast<char*>(std::malloc(bytes.size() + 1));
  bytes.copy(block, bytes.size());
  buffer.push(block, bytes.size());
}

std::string take(ReceiveBuffer& buffer, std::size_t count) {
  std::string bytes(buffer.front(count));
  buffer.consume(count);
  return bytes;
}

TEST(ReceiveBuffer, GivesBytesAcrossBlocks) {
  ReceiveBuffer buffer;
  push(buffer, "hello");
  push(buffer, "");
  push(buffer, " world");
  EXPECT_EQ(buffer.bytes(), 11u);
  EXPECT_EQ(take(buffer, 7), "hello w");
  EXPECT_EQ(take(buffer, 4), "orld");
  EXPECT_EQ(buffer.bytes(), 0u);
}

TEST(ReceiveBuffer, KeepsTheOrderOfManyBlocks) {
  ReceiveBuffer buffer;
  std::string want, got;
  for (int i = 0; i < 1000; ++i) {
    push(buffer, std::to_string(i));
    want += std::to_string(i);
  }
  while (buffer.bytes() >= 37) got += take(buffer, 37);
  got += take(buffer, buffer.bytes());
  EXPECT_EQ(got, want);
}

TEST(ReceiveBuffer, FindsASeparatorThatComesInPieces) {
  ReceiveBuffer buffer;
  push(buffer, "one\r");
  EXPECT_FALSE(buffer.find("\r\n"));
  push(buffer, "\ntwo");
  EXPECT_EQ(*buffer.find("\r\n"), 3u);
  EXPECT_EQ(*buffer.find("two"), 5u) << "another separator starts from the front again";
  EXPECT_EQ(*buffer.find("\r"), 3u);
  EXPECT_EQ(*buffer.find(""), 0u);
  EXPECT_EQ(*buffer.find("one\r\ntwo"), 0u);
  EXPECT_FALSE(buffer.find("one\r\ntwo and more"));
  buffer.consume(5);
  EXPECT_FALSE(buffer.find("\r\n"));
}

TEST(ReceiveBuffer, AFalseBeginningOfASeparatorIsPassed) {
  ReceiveBuffer buffer;
  push(buffer, "a--");
  push(buffer, "-");
  push(buffer, "--b--->");
  EXPECT_EQ(*buffer.find("--->"), 7u);
}

TEST(ReceiveBuffer, BehavesAsAStringDoes) {
  std::mt19937 random(1);
  ReceiveBuffer buffer;
  std::string model;
  for (int step = 0; step < 20000; ++step) {
    switch (random() % 4) {
      case 0: {
        std::string bytes(random() % 40, '\0');
        for (char& c : bytes) c = "ab\r\n"[random() % 4];
        push(buffer, bytes);
        model += bytes;
        break;
      }
      case 1: {
        if (model.empty()) break;
        const std::size_t count = 1 + random() % model.size();
        ASSERT_EQ(take(buffer, count), model.substr(0, count));
        model.erase(0, count);
        break;
      }
      default: {
        const std::string separators[] = {"\r\n", "\n", "ab\r", "\r\n\r\n", "abababababab"};
        const std::string& separator = separators[random() % 5];
        const std::size_t want = model.find(separator);
        const std::optional<std::size_t> got = buffer.find(separator);
        ASSERT_EQ(got.value_or(std::string::npos), want);
      }
    }
    ASSERT_EQ(buffer.bytes(), model.size());
    if (random() % 500 == 0) {
      buffer.clear();
      model.clear();
    }
  }
}

}  // namespace
}  // namespace runtime
