#include "net/write_queue.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace runtime {
namespace {

using Line = WriteQueue::Line;

char* memory_of(const std::string& bytes) {
  auto* memory = static_cast<char*>(std::malloc(bytes.size()));
  std::memcpy(memory, bytes.data(), bytes.size());
  return memory;
}

// Sends up to `limit` bytes, as the kernel might take them.
std::string send(WriteQueue& queue, std::size_t limit) {
  iovec pieces[64];
  std::size_t size = 0;
  const int count = queue.gather(pieces, &size);
  std::string sent;
  for (int i = 0; i < count; ++i)
    sent.append(static_cast<char*>(pieces[i].iov_base), pieces[i].iov_len);
  EXPECT_EQ(sent.size(), size);
  sent.resize(std::min(limit, sent.size()));
  queue.consume(sent.size());
  return sent;
}

TEST(WriteQueue, SmallPiecesLeaveAsFewPiecesOfMemory) {
  WriteQueue queue;
  for (int i = 0; i < 100; ++i) queue.append(Line::normal, "0123456789");
  iovec pieces[64];
  std::size_t size = 0;
  EXPECT_LE(queue.gather(pieces, &size), 2);
  EXPECT_EQ(size, 1000u);
}

TEST(WriteQueue, KeepsTheOrderOfCopiedAndOwnedMemory) {
  WriteQueue queue;
  std::string want;
  for (int i = 0; i < 40; ++i) {
    const std::string piece(static_cast<std::size_t>(i) * 97, static_cast<char>('a' + i % 26));
    want += piece;
    if (i % 2 == 0) {
      queue.append(Line::normal, piece);
    } else {
      queue.append_owned(Line::normal, memory_of(piece), piece.size());
    }
  }
  EXPECT_EQ(queue.bytes(), want.size());
  std::string got;
  while (!queue.empty()) got += send(queue, 1000);
  EXPECT_EQ(got, want);
}

TEST(WriteQueue, LowBlocksGoOutBehindNormalOnes) {
  WriteQueue queue;
  queue.append(Line::low, "low1");
  queue.append(Line::normal, "high");
  queue.append(Line::low, "low2");
  EXPECT_EQ(send(queue, 100), "highlow1low2");
}

TEST(WriteQueue, ALowBlockThatHasBegunIsFinishedFirst) {
  WriteQueue queue;
  queue.append(Line::low, "low1");
  queue.append(Line::low, "low2");
  EXPECT_EQ(send(queue, 2), "lo");
  queue.append(Line::normal, "high");
  EXPECT_EQ(send(queue, 100), "w1highlow2");
}

TEST(WriteQueue, WhatIsAppendedWhileAWriteIsUnderWayIsNotTakenForSent) {
  WriteQueue queue;
  queue.append(Line::normal, "ab");
  queue.append(Line::low, "low");
  iovec pieces[64];
  std::size_t size = 0;
  queue.gather(pieces, &size);
  queue.append(Line::normal, "cd");  // another thread, before the system call is over
  queue.consume(3);                  // "ab" and "l"
  EXPECT_EQ(send(queue, 100), "owcd");
}

TEST(WriteQueue, TheRestOfAWriteComesFirst) {
  WriteQueue queue;
  queue.append(Line::normal, "later");
  queue.begin_with_owned(memory_of("rest of it"), 10, 5);
  queue.begin_with("first ");
  EXPECT_EQ(send(queue, 100), "first of itlater");
  EXPECT_TRUE(queue.empty());
}

TEST(WriteQueue, GathersNoMoreThanTheCallerHasRoomFor) {
  WriteQueue queue;
  for (int i = 0; i < 10; ++i) queue.append(Line::low, "x");
  iovec pieces[4];
  std::size_t size = 0;
  EXPECT_EQ(queue.gather(pieces, &size), 4);
  EXPECT_EQ(size, 4u);
}

}  // namespace
}  // namespace runtime
