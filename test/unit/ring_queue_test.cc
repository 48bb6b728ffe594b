#include "base/ring_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace runtime {
namespace {

TEST(RingQueue, GivesInOrderAcrossGrowthAndWrapping) {
  RingQueue<int> queue;
  int in = 0, out = 0;
  for (int round = 1; round < 100; ++round) {
    for (int i = 0; i < round; ++i) queue.push(++in);
    for (int i = 0; i < round - round / 3; ++i) ASSERT_EQ(queue.pop(), ++out);
  }
  EXPECT_EQ(queue.size(), static_cast<std::size_t>(in - out));
  while (!queue.empty()) ASSERT_EQ(queue.pop(), ++out);
  EXPECT_EQ(out, in);
}

TEST(RingQueue, GivesADefaultWhenEmpty) {
  RingQueue<int*> queue;
  EXPECT_EQ(queue.pop(), nullptr);
  int value = 0;
  queue.push(&value);
  EXPECT_EQ(queue.pop(), &value);
  EXPECT_EQ(queue.pop(), nullptr);
}

TEST(RingQueue, ErasesTheFirstOfEqualValuesAndKeepsTheOrder) {
  RingQueue<int> queue;
  for (int i = 0; i < 6; ++i) queue.push(i);  // so that what follows wraps around
  for (int i = 0; i < 6; ++i) queue.pop();
  for (const int value : {1, 2, 3, 2, 4}) queue.push(value);
  EXPECT_FALSE(queue.erase(5));
  EXPECT_TRUE(queue.erase(2));
  EXPECT_TRUE(queue.erase(4));
  std::vector<int> left;
  while (!queue.empty()) left.push_back(queue.pop());
  EXPECT_EQ(left, (std::vector<int>{1, 3, 2}));
  EXPECT_FALSE(queue.erase(1));
}

TEST(RingQueue, MovesValuesThatCannotBeCopied) {
  RingQueue<std::unique_ptr<int>> queue;
  for (int i = 0; i < 20; ++i) queue.push(std::make_unique<int>(i));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*queue.pop(), i);
}

}  // namespace
}  // namespace runtime
