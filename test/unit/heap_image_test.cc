#include "base/heap_image.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace runtime {
namespace {

struct Node {
  Node* next;
  std::uint64_t tagged;  // a pointer to the node itself, below a tag
  std::uint64_t number;
};

constexpr std::uint64_t kTag = std::uint64_t{0x1234} << 48;
constexpr std::uint64_t kAddress = (std::uint64_t{1} << 48) - 1;

std::uintptr_t address_of(std::uint64_t word) { return word & kAddress; }

void* make(LuaHeap& heap, std::size_t size) { return LuaHeap::alloc(&heap, nullptr, 0, size); }

class HeapImageTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!LuaHeap::has_chunks()) GTEST_SKIP() << "each block comes from malloc";
  }

  // A ring of nodes, with blocks of other sizes between them that are freed again.
  Node* make_ring(int count) {
    Node* first = nullptr;
    Node* last = nullptr;
    std::vector<std::pair<void*, std::size_t>> others;
    for (int i = 0; i < count; ++i) {
      Node* const node = new (original_.alloc(nullptr, sizeof(Node))) Node;
      node->number = static_cast<std::uint64_t>(i);
      node->tagged = kTag | reinterpret_cast<std::uint64_t>(node);
      const std::size_t size = static_cast<std::size_t>(i * 37 % 5000 + 1);
      others.emplace_back(original_.alloc(nullptr, size), size);
      if (first == nullptr) first = node;
      if (last != nullptr) last->next = node;
      last = node;
    }
    last->next = first;
    for (const auto& [block, size] : others) original_.alloc(block, 0);
    return first;
  }

  static void expect_ring(const Node* first, int count) {
    const Node* node = first;
    for (int i = 0; i < count; ++i, node = node->next) {
      ASSERT_EQ(node->number, static_cast<std::uint64_t>(i));
      ASSERT_EQ(node->tagged, kTag | reinterpret_cast<std::uint64_t>(node));
    }
    EXPECT_EQ(node, first);
  }

  RecordedBlocks original_;
};

TEST_F(HeapImageTest, ACopyPointsToItselfAndNeedsTheOriginalNoMore) {
  constexpr int kNodes = 100;
  Node* const first = make_ring(kNodes);
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {});
  ASSERT_NE(image, nullptr);
  first->next = nullptr;  // which is none of the copies' business
  LuaHeap one, other;
  ASSERT_TRUE(image->copy_to(one));
  ASSERT_TRUE(image->copy_to(other));
  const auto* in_one = static_cast<const Node*>(image->in_copy(one, first));
  const auto* in_other = static_cast<const Node*>(image->in_copy(other, first));
  EXPECT_NE(in_one, in_other);
  expect_ring(in_one, kNodes);
  expect_ring(in_other, kNodes);
}

TEST_F(HeapImageTest, ACopyCountsWhatTheOriginalHadAndFreesAndGrowsOnItsOwn) {
  constexpr int kNodes = 50;
  const Node* const first = make_ring(kNodes);
  auto* const large = static_cast<unsigned char*>(original_.alloc(nullptr, 9000));
  std::memset(large, 0x5a, 9000);
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {});
  ASSERT_NE(image, nullptr);
  LuaHeap copy;
  ASSERT_TRUE(image->copy_to(copy));
  EXPECT_EQ(copy.used(), kNodes * sizeof(Node) + 9000);
  const auto* const ring = static_cast<const Node*>(image->in_copy(copy, first));
  // What lies in a chunk may grow into malloc's hands, shrink, and go.
  auto* block = static_cast<unsigned char*>(image->in_copy(copy, large));
  std::size_t size = 9000;
  for (const std::size_t next : {50000u, 9000u, 2500u, 100u, 4000u}) {
    block = static_cast<unsigned char*>(LuaHeap::alloc(&copy, block, size, next));
    for (std::size_t i = 0; i < std::min<std::size_t>(next, 100); ++i) ASSERT_EQ(block[i], 0x5a);
    size = next;
  }
  LuaHeap::alloc(&copy, block, size, 0);
  EXPECT_EQ(copy.used(), kNodes * sizeof(Node));
  // New blocks overlap none of the old ones.
  for (std::size_t i = 0; i < 3000; ++i) std::memset(make(copy, 8 + i % 600), 0xff, 8 + i % 600);
  expect_ring(ring, kNodes);
}

TEST_F(HeapImageTest, WhatWasFreedTakesNoRoomInACopy) {
  make_ring(50);  // with 47 KB between the nodes
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {});
  EXPECT_LT(image->bytes(), 50 * sizeof(Node) + 100);
}

// malloc puts blocks of one size together; what was made together, of whatever sizes, is used together.
TEST_F(HeapImageTest, WhatWasMadeTogetherLiesTogetherTheNewestFirst) {
  std::vector<const void*> made;
  for (int i = 0; i < 100; ++i) made.push_back(original_.alloc(nullptr, i % 2 == 0 ? 32 : 128));
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {});
  LuaHeap copy;
  ASSERT_TRUE(image->copy_to(copy));
  const auto* const last = static_cast<const char*>(image->in_copy(copy, made.back()));
  for (std::size_t i = 0; i < made.size(); ++i) {
    const auto at = static_cast<const char*>(image->in_copy(copy, made[i])) - last;
    const auto in_turn = static_cast<std::ptrdiff_t>((made.size() - 1 - i) * (32 + 128) / 2);
    EXPECT_LT(std::abs(at - in_turn), 200) << i;
  }
}

TEST_F(HeapImageTest, WhatIsWishedForLiesInFront) {
  const Node* const ring = make_ring(60);
  const Node* const tenth = ring->next->next;
  const Node* const last = tenth->next->next;
  const std::unique_ptr<HeapImage> image = HeapImage::take(
      original_, address_of,
      {{{&last->number, false}, {&image, true}, {tenth, false}, {ring, false}, {tenth, false}}});
  LuaHeap copy;
  ASSERT_TRUE(image->copy_to(copy));
  const auto* const front = static_cast<const char*>(image->in_copy(copy, last));
  EXPECT_EQ(image->in_copy(copy, tenth), front + sizeof(Node));
  EXPECT_EQ(image->in_copy(copy, ring), front + 2 * sizeof(Node));
  expect_ring(static_cast<const Node*>(image->in_copy(copy, ring)), 60);
}

TEST_F(HeapImageTest, WhatAWishedForBlockPointsToFollowsItButForItsFirstWord) {
  auto* const node = static_cast<void**>(original_.alloc(nullptr, 32));
  void* const linked = original_.alloc(nullptr, 32);
  void* const pointed = original_.alloc(nullptr, 48);
  for (int i = 0; i < 10; ++i) original_.alloc(nullptr, 32);
  node[0] = linked;
  node[2] = static_cast<char*>(pointed) + 16;
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {{{node, true}}});
  LuaHeap copy;
  ASSERT_TRUE(image->copy_to(copy));
  const auto* const front = static_cast<const char*>(image->in_copy(copy, node));
  EXPECT_EQ(image->in_copy(copy, pointed), front + 32);
  EXPECT_NE(image->in_copy(copy, linked), front + 32 + 48);
}

TEST_F(HeapImageTest, BlocksOfOddSizesTakeNoRoomBetweenOthers) {
  for (int i = 0; i < 60; ++i) original_.alloc(nullptr, i % 3 == 0 ? 24 : 48);
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {});
  EXPECT_LE(image->bytes(), 20 * 24 + 40 * 48 + 16u);
}

// A block of 6,000 bytes whose last 2,000 are constant, with a pointer before them.
class ConstantTail : public HeapImageTest {
 protected:
  static constexpr std::size_t kBefore = 4000, kSize = 6000;

  void SetUp() override {
    HeapImageTest::SetUp();
    ring_ = make_ring(kNodes);
    block_ = static_cast<char*>(original_.alloc(nullptr, kSize));
    std::memset(block_, 'a', kSize);
    std::memcpy(block_ + 8, &ring_, sizeof ring_);
  }

  static constexpr int kNodes = 300;
  Node* ring_ = nullptr;
  char* block_ = nullptr;
};

TEST_F(ConstantTail, CanBeSharedUntilACopyWrites) {
  const std::unique_ptr<HeapImage> image =
      HeapImage::take(original_, address_of, {{}, block_ + kBefore});
  LuaHeap one, other;
  ASSERT_TRUE(image->copy_to(one));
  ASSERT_TRUE(image->copy_to(other));
  auto* const in_one = static_cast<char*>(image->in_copy(one, block_));
  auto* const in_other = static_cast<char*>(image->in_copy(other, block_));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(in_one + kBefore) % SharedTail::kPage, 0u);
  one.share_tail();
  one.share_tail();
  other.share_tail();
  for (const auto* const copy : {in_one, in_other}) {
    const Node* first = nullptr;
    std::memcpy(&first, copy + 8, sizeof first);
    EXPECT_EQ(first, image->in_copy(copy == in_one ? one : other, ring_));
    expect_ring(first, kNodes);
    EXPECT_EQ(std::string(copy + 16, kSize - 16), std::string(kSize - 16, 'a'));
  }
  in_one[kSize - 1] = 'b';
  EXPECT_EQ(in_other[kSize - 1], 'a');
  LuaHeap::alloc(&one, in_one, kSize, 0);
  one.trim();
  EXPECT_EQ(in_other[kSize - 1], 'a');
}

TEST_F(ConstantTail, ThatDiffersIsNotShared) {
  const std::unique_ptr<HeapImage> image =
      HeapImage::take(original_, address_of, {{}, block_ + kBefore});
  LuaHeap copy;
  ASSERT_TRUE(image->copy_to(copy));
  auto* const block = static_cast<char*>(image->in_copy(copy, block_));
  block[kSize - 1] = 'b';
  copy.share_tail();
  EXPECT_EQ(std::string(block + kBefore, kSize - kBefore),
            std::string(kSize - kBefore - 1, 'a') + "b");
}

TEST_F(ConstantTail, WithPointersIsNotShared) {
  std::memcpy(block_ + kBefore + 800, &ring_, sizeof ring_);
  const std::unique_ptr<HeapImage> image =
      HeapImage::take(original_, address_of, {{}, block_ + kBefore});
  LuaHeap one, other;
  ASSERT_TRUE(image->copy_to(one));
  ASSERT_TRUE(image->copy_to(other));
  for (const LuaHeap* const heap : {&one, &other}) {
    const Node* first = nullptr;
    std::memcpy(&first, static_cast<char*>(image->in_copy(*heap, block_)) + kBefore + 800,
                sizeof first);
    EXPECT_EQ(first, image->in_copy(*heap, ring_));
  }
}

TEST_F(ConstantTail, MayBeWhereThereIsNone) {
  for (const void* const constant :
       {static_cast<void*>(this), static_cast<void*>(block_ + kSize)}) {
    const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {{}, constant});
    LuaHeap copy;
    ASSERT_TRUE(image->copy_to(copy));
    expect_ring(static_cast<const Node*>(image->in_copy(copy, ring_)), kNodes);
  }
}

TEST_F(HeapImageTest, APointerToTheEndOfABlockStaysThere) {
  auto* const list = static_cast<char**>(original_.alloc(nullptr, 100 * sizeof(char*)));
  for (int i = 0; i < 100; ++i) list[i] = static_cast<char*>(original_.alloc(nullptr, 16)) + 16;
  const std::unique_ptr<HeapImage> image = HeapImage::take(original_, address_of, {});
  LuaHeap copy;
  ASSERT_TRUE(image->copy_to(copy));
  auto* const copied = static_cast<char**>(image->in_copy(copy, list));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(copied[i] - 16, image->in_copy(copy, list[i] - 16));
}

}  // namespace
}  // namespace runtime
