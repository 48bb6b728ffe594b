#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "netpack/frame_queue.h"

namespace runtime::netpack {
namespace {

std::string framed(std::string_view payload) {
  std::string out{static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
  return out.append(payload);
}

char* block_of(std::string_view bytes) {
  char* block = static_cast<char*>(std::malloc(bytes.size() + 1));
  bytes.copy(block, bytes.size());
  return block;
}

// The frame as "id:payload"; frees it.
std::string text_of(const OwnedFrame& frame) {
  std::string text = std::to_string(frame.id) + ":" + std::string(frame.data, frame.size);
  std::free(frame.data);
  return text;
}

using Texts = std::vector<std::string>;

class FrameQueueTest : public testing::Test {
 protected:
  // Gives what push() finds, and adds a single frame to `got`.
  FrameQueue::Pushed push(int id, std::string_view bytes) {
    OwnedFrame frame;
    const FrameQueue::Pushed pushed = queue.push(id, block_of(bytes), bytes.size(), &frame);
    if (pushed == FrameQueue::Pushed::single) got.push_back(text_of(frame));
    return pushed;
  }
  Texts pop_all() {
    while (const auto frame = queue.pop()) got.push_back(text_of(*frame));
    Texts all;
    all.swap(got);
    return all;
  }

  FrameQueue queue;
  Texts got;
};

using enum FrameQueue::Pushed;

TEST_F(FrameQueueTest, OneWholeFrameIsGivenAtOnce) {
  EXPECT_EQ(push(1, framed("hello")), single);
  EXPECT_EQ(push(1, framed("")), single);
  EXPECT_FALSE(queue.pop());
  EXPECT_EQ(pop_all(), (Texts{"1:hello", "1:"}));
}

TEST_F(FrameQueueTest, SeveralFramesWaitInOrder) {
  EXPECT_EQ(push(1, framed("one") + framed("") + framed("three")), queued);
  EXPECT_EQ(push(2, framed("four") + framed("five")), queued);
  EXPECT_EQ(pop_all(), (Texts{"1:one", "1:", "1:three", "2:four", "2:five"}));
}

TEST_F(FrameQueueTest, AFrameMaySplitAtEveryByte) {
  const std::string bytes = framed("split") + framed("") + framed(std::string(300, 'x'));
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      push(1, std::string_view(bytes).substr(i, piece));
    }
    // A frame that ends a block is given at once, one that does not is queued: the order holds per
    // block only.
    Texts all = pop_all();
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, (Texts{"1:", "1:split", "1:" + std::string(300, 'x')})) << "pieces of " << piece;
  }
}

TEST_F(FrameQueueTest, TheRestOfAFrameMayBringMore) {
  EXPECT_EQ(push(1, framed("a") + framed("long").substr(0, 4)), queued);
  EXPECT_EQ(push(1, "ng" + framed("z")), queued);
  EXPECT_EQ(push(1, framed("b") + framed("cd").substr(0, 1)), queued);
  EXPECT_EQ(push(1, framed("cd").substr(1)), single);
  EXPECT_EQ(got, (Texts{"1:cd"}));
  got.clear();
  EXPECT_EQ(pop_all(), (Texts{"1:a", "1:long", "1:z", "1:b"}));
}

TEST_F(FrameQueueTest, PartsOfSeveralConnectionsDoNotMix) {
  EXPECT_EQ(push(1, framed("first").substr(0, 4)), nothing);
  EXPECT_EQ(push(2, framed("other").substr(0, 1)), nothing);
  EXPECT_EQ(push(3, framed("whole")), single);
  EXPECT_EQ(push(2, framed("other").substr(1)), single);
  EXPECT_EQ(push(1, framed("first").substr(4) + framed("more")), queued);
  EXPECT_EQ(pop_all(), (Texts{"3:whole", "2:other", "1:first", "1:more"}));
}

TEST_F(FrameQueueTest, AForgottenPartDoesNotComeBack) {
  push(1, framed("part").substr(0, 3));
  push(2, std::string_view("\0", 1));
  queue.forget(1);
  queue.forget(2);
  queue.forget(3);
  EXPECT_EQ(push(1, framed("new")), single);
  EXPECT_EQ(push(2, framed("new")), single);
}

TEST_F(FrameQueueTest, ClearDropsEverythingAndStaysUsable) {
  push(1, framed("a") + framed("b") + "\1");
  queue.clear();
  EXPECT_FALSE(queue.pop());
  EXPECT_EQ(push(1, framed("c")), single);
}

TEST_F(FrameQueueTest, TheLargestFrameAndAnEmptyBlock) {
  const std::string large(kMaxFrame, 'x');
  EXPECT_EQ(push(1, framed(large)), single);
  EXPECT_EQ(push(1, ""), nothing);
  push(1, framed(large).substr(0, 40000));
  EXPECT_EQ(push(1, ""), nothing);
  EXPECT_EQ(push(1, framed(large).substr(40000)), single);
  EXPECT_EQ(pop_all(), (Texts{"1:" + large, "1:" + large}));
}

TEST_F(FrameQueueTest, ASmallFrameDoesNotKeepALargeBlock) {
  push(1, framed(std::string(60000, 'x')) + framed("small"));
  std::free(queue.pop()->data);
  const auto frame = queue.pop();
  ASSERT_TRUE(frame);
  EXPECT_EQ(text_of(*frame), "1:small");
}

TEST_F(FrameQueueTest, DestroysWhatNobodyTook) {
  push(1, framed("a") + framed("b") + "\1");  // the sanitizer looks for leaks
}

}  // namespace
}  // namespace runtime::netpack
