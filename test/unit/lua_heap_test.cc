#include "base/lua_heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace runtime {
namespace {

constexpr std::size_t kMegabyte = 1024 * 1024;

// Lua passes the kind of object, not a size, with a new block.
constexpr std::size_t kKind = 5;

void* make(LuaHeap& heap, std::size_t size) { return LuaHeap::alloc(&heap, nullptr, kKind, size); }
void drop(LuaHeap& heap, void* block, std::size_t size) { LuaHeap::alloc(&heap, block, size, 0); }

TEST(LuaHeap, CountsTheBytesThatWereAskedFor) {
  LuaHeap heap;
  void* small = make(heap, 25);
  void* large = make(heap, 100000);
  EXPECT_EQ(heap.used(), 100025u);
  large = LuaHeap::alloc(&heap, large, 100000, 10);
  EXPECT_EQ(heap.used(), 35u);
  drop(heap, small, 25);
  drop(heap, large, 10);
  EXPECT_EQ(heap.used(), 0u);
}

TEST(LuaHeap, FreeingNothingIsFine) {
  LuaHeap heap;
  EXPECT_EQ(LuaHeap::alloc(&heap, nullptr, 0, 0), nullptr);
  EXPECT_EQ(heap.used(), 0u);
}

TEST(LuaHeap, AlignsBlocksByTheirSize) {
  LuaHeap heap;
  for (std::size_t size = 1; size < 5000; ++size) {
    const auto address = reinterpret_cast<std::uintptr_t>(make(heap, size));
    EXPECT_EQ(address % (size % 16 == 0 ? 16 : 8), 0u) << size;
  }
}

TEST(LuaHeap, KeepsContentsAcrossEveryChangeOfSize) {
  LuaHeap heap;
  for (const std::size_t from : {1u, 24u, 200u, 1000u, 2048u, 2049u, 50000u}) {
    for (const std::size_t to : {1u, 25u, 256u, 257u, 2048u, 2049u, 70000u}) {
      auto* block = static_cast<unsigned char*>(make(heap, from));
      std::memset(block, 0x5a, from);
      block = static_cast<unsigned char*>(LuaHeap::alloc(&heap, block, from, to));
      for (std::size_t i = 0; i < std::min(from, to); ++i) ASSERT_EQ(block[i], 0x5a);
      drop(heap, block, to);
    }
  }
  EXPECT_EQ(heap.used(), 0u);
}

TEST(LuaHeap, NoTwoBlocksOverlap) {
  LuaHeap heap;
  std::mt19937 random(7);
  struct Block {
    unsigned char* data;
    std::size_t size;
    unsigned char fill;
  };
  std::vector<Block> blocks;
  std::size_t used = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::size_t size = 1 + random() % (random() % 100 == 0 ? 9000 : 300);
    const auto fill = static_cast<unsigned char>(random());
    if (blocks.size() < 500) {
      blocks.push_back({static_cast<unsigned char*>(make(heap, size)), size, fill});
      std::memset(blocks.back().data, fill, size);
      used += size;
      continue;
    }
    Block& b = blocks[random() % blocks.size()];
    for (std::size_t k = 0; k < b.size; ++k) ASSERT_EQ(b.data[k], b.fill);
    used = used - b.size + size;
    if (random() % 2 == 0) {
      b.data = static_cast<unsigned char*>(LuaHeap::alloc(&heap, b.data, b.size, size));
    } else {
      drop(heap, b.data, b.size);
      b.data = static_cast<unsigned char*>(make(heap, size));
    }
    b.size = size;
    b.fill = fill;
    std::memset(b.data, fill, size);
    ASSERT_EQ(heap.used(), used);
  }
  EXPECT_GE(heap.reserved(), heap.used());
}

TEST(LuaHeap, RefusesToGrowBeyondItsLimit) {
  LuaHeap heap;
  heap.set_limit(10000);
  void* block = make(heap, 6000);
  EXPECT_EQ(make(heap, 4001), nullptr);
  EXPECT_EQ(LuaHeap::alloc(&heap, block, 6000, 10001), nullptr);
  EXPECT_EQ(heap.used(), 6000u) << "a refused block is not counted";
  EXPECT_NE(make(heap, 4000), nullptr);
}

TEST(LuaHeap, LendsBeyondItsLimitUntilItIsTakenBack) {
  LuaHeap heap;
  heap.set_limit(1000);
  void* first = make(heap, 900);
  EXPECT_EQ(make(heap, 200), nullptr);
  heap.lend(500);
  void* second = make(heap, 200);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(make(heap, 500), nullptr);
  heap.lend(0);
  EXPECT_EQ(make(heap, 8), nullptr);
  drop(heap, first, 900);
  EXPECT_NE(make(heap, 8), nullptr);
}

TEST(LuaHeap, TellsEachAllocationThatFails) {
  LuaHeap heap;
  int failures = 0;
  heap.on_exhausted([](void* count) { ++*static_cast<int*>(count); }, &failures);
  heap.set_limit(1000);
  void* block = make(heap, 100);
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(make(heap, 1000), nullptr);
  EXPECT_EQ(LuaHeap::alloc(&heap, block, 100, 5000), nullptr);
  EXPECT_EQ(failures, 2);
  EXPECT_NE(LuaHeap::alloc(&heap, block, 100, 50), nullptr);
  EXPECT_EQ(failures, 2);
}

TEST(LuaHeap, ShrinksAndFreesAboveALimitThatCameLater) {
  LuaHeap heap;
  void* block = make(heap, 50000);
  heap.set_limit(1000);
  block = LuaHeap::alloc(&heap, block, 50000, 20000);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(make(heap, 1), nullptr);
  drop(heap, block, 20000);
  EXPECT_NE(make(heap, 1000), nullptr);
  heap.set_limit(0);
  EXPECT_NE(make(heap, 100000), nullptr);
}

TEST(LuaHeap, WarnsOnceAtEachDoubling) {
  LuaHeap heap;
  std::vector<std::size_t> warnings;
  heap.on_warning(
      [](void* context, std::size_t used) {
        static_cast<std::vector<std::size_t>*>(context)->push_back(used);
      },
      &warnings);
  void* block = make(heap, 32 * kMegabyte);
  EXPECT_TRUE(warnings.empty());
  make(heap, 1);
  EXPECT_EQ(warnings, (std::vector<std::size_t>{32 * kMegabyte + 1}));
  drop(heap, block, 32 * kMegabyte);
  block = make(heap, 40 * kMegabyte);
  EXPECT_EQ(warnings.size(), 1u) << "only the first time";
  make(heap, 100 * kMegabyte);
  EXPECT_EQ(warnings.size(), 2u) << "64 and 128 MB passed in one step are one warning";
}

TEST(LuaHeap, ASmallHeapReservesLittleMoreThanItUses) {
  LuaHeap heap;
  for (std::size_t i = 0; i < 400; ++i) make(heap, 24 + 8 * (i * 7 % 11));
  EXPECT_LE(heap.reserved(), heap.used() + heap.used() / 16 + 1024);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(LuaHeap, AHeapThatShrankGivesItsChunksBack) {
  LuaHeap heap;
  std::vector<void*> blocks;
  for (int i = 0; i < 200000; ++i) blocks.push_back(make(heap, 64));
  const std::size_t full = heap.reserved();
  for (std::size_t i = 1000; i < blocks.size(); ++i) drop(heap, blocks[i], 64);
  EXPECT_LT(heap.reserved(), full / 4) << "without being told";
  heap.trim();
  EXPECT_LT(heap.reserved(), full / 8);
  for (int i = 0; i < 1000; ++i) drop(heap, blocks[i], 64);
  heap.trim();
  EXPECT_EQ(heap.reserved(), 0u);
  EXPECT_NE(make(heap, 64), nullptr);
}

TEST(LuaHeap, ChunksWithOneUsedBlockStay) {
  LuaHeap heap;
  std::vector<unsigned char*> blocks;
  for (int i = 0; i < 100000; ++i) {
    blocks.push_back(static_cast<unsigned char*>(make(heap, 40)));
    blocks.back()[0] = 77;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 50 != 0) drop(heap, blocks[i], 40);
  }
  heap.trim();
  for (std::size_t i = 0; i < blocks.size(); i += 50) ASSERT_EQ(blocks[i][0], 77);
}
#endif

TEST(LuaHeap, FreeingIsNoWorkOnceReleaseHasBegun) {
  LuaHeap heap;
  void* small = make(heap, 100);
  void* large = make(heap, 100000);
  heap.begin_release();
  drop(heap, small, 100);
  drop(heap, large, 100000);
  EXPECT_NE(make(heap, 100), small) << "finalizers may still allocate, but nothing is used again";
}  // the destructor frees all: the leak check of the sanitizer watches

TEST(BlockSet, ForgetsWhatIsRemovedAndNothingElse) {
  BlockSet set;
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(std::malloc(16));
    set.add(blocks.back());
  }
  for (std::size_t i = 0; i < blocks.size(); i += 2) {
    set.remove(blocks[i]);
    std::free(blocks[i]);
  }
  EXPECT_EQ(set.size(), 500u);
}  // frees the others, and no block twice

}  // namespace
}  // namespace runtime
