#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "mongo/frame_reader.h"
#include "mongo/message.h"

namespace runtime::mongo {
namespace {

using Status = FrameReader::Status;

// A frame with so many bytes in the place of a document.
std::string frame(std::size_t bytes, char fill) {
  char head[kHeadBytes];
  write_head(head, 1, 0, bytes);
  return std::string(head, sizeof head) + std::string(bytes, fill);
}

void take(FrameReader& reader, std::string_view bytes) {
  auto* const block = static_cast<char*>(std::malloc(bytes.size()));
  std::memcpy(block, bytes.data(), bytes.size());
  reader.take(block, bytes.size());
}

// All frames that are there, with their lengths.
std::vector<std::string> all(FrameReader& reader) {
  std::vector<std::string> frames;
  while (reader.next() == Status::ready) {
    const std::string rest(reader.frame());
    const auto length = static_cast<std::uint32_t>(rest.size() + kLengthBytes);
    frames.push_back(std::string(reinterpret_cast<const char*>(&length), sizeof length) + rest);
    reader.pop();
  }
  return frames;
}

TEST(MongoFrameReader, GivesTheFramesOfABlock) {
  FrameReader reader;
  take(reader, frame(5, 'a') + frame(100, 'b') + frame(70'000, 'c').substr(0, 10));
  EXPECT_EQ(all(reader), (std::vector{frame(5, 'a'), frame(100, 'b')}));
  EXPECT_EQ(reader.held(), 10U);
  EXPECT_EQ(reader.next(), Status::incomplete);
}

TEST(MongoFrameReader, JoinsFramesThatComeInAnyPieces) {
  const std::vector frames{frame(5, 'a'), frame(70'000, 'b'), frame(6, 'c'), frame(2'000'000, 'd'),
                           frame(7, 'e')};
  std::string bytes;
  for (const std::string& one : frames) bytes += one;
  for (const std::size_t piece : {1U, 3U, 26U, 4096U, 65536U, 3'000'000U}) {
    FrameReader reader;
    std::vector<std::string> found;
    for (std::size_t at = 0, turn = 0; at < bytes.size(); at += piece, ++turn) {
      const std::string_view some = std::string_view(bytes).substr(at, piece);
      if (turn % 3 == 2) {
        reader.feed(some);
      } else {
        take(reader, some);
      }
      // Not each time, so that pieces wait for each other.
      if (turn % 5 != 4 && at + piece < bytes.size()) continue;
      for (std::string& one : all(reader)) found.push_back(std::move(one));
    }
    EXPECT_TRUE(found == frames) << piece;
    EXPECT_EQ(reader.held(), 0U) << piece;
  }
}

TEST(MongoFrameReader, StopsAtALengthThatNoFrameHas) {
  FrameReader reader;
  take(reader, frame(5, 'a') + std::string(8, '\0'));
  EXPECT_EQ(all(reader).size(), 1U);
  EXPECT_EQ(reader.next(), Status::error);
  reader.feed(frame(5, 'b'));
  EXPECT_EQ(reader.next(), Status::error);
}

}  // namespace
}  // namespace runtime::mongo
