#include "base/memory_ledger.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <vector>

namespace runtime {
namespace {

#ifdef RUNTIME_JEMALLOC

constexpr std::size_t kBig = 1 << 20;  // a size that malloc has exactly

// A block that the compiler cannot do without.
void* allocate(std::size_t size) {
  void* volatile block = std::malloc(size);
  return block;
}

TEST(MemoryLedger, CountsWhatIsAllocatedBetweenEnterAndLeave) {
  MemoryLedger ledger(100);
  void* outside = allocate(kBig);
  ledger.enter();
  void* inside = allocate(kBig);
  const std::int64_t current = ledger.current();
  ledger.leave();
  std::free(outside);
  const std::int64_t left = ledger.bytes();
  ledger.enter();
  std::free(inside);
  ledger.leave();
  EXPECT_EQ(current, 100 + (1 << 20));
  EXPECT_EQ(left, current);
  EXPECT_EQ(ledger.bytes(), 100);
}

TEST(MemoryLedger, FollowsAServiceFromThreadToThread) {
  MemoryLedger ledger(0);
  void* block = nullptr;
  std::thread([&] {
    ledger.enter();
    block = allocate(kBig);
    ledger.leave();
  }).join();
  EXPECT_EQ(ledger.bytes(), 1 << 20);
  std::thread([&] {
    ledger.enter();
    std::free(block);
    ledger.leave();
  }).join();
  EXPECT_EQ(ledger.bytes(), 0);
}

// A message whose payload has at least so many bytes.
void receive_and_free(MemoryLedger& receiver, void* payload, int least) {
  receiver.enter();
  take_bytes(block_bytes(payload));
  EXPECT_GE(receiver.current(), least);
  std::free(payload);
  receiver.leave();
}

TEST(MemoryLedger, AMessageIsTheReceiversOnceReceived) {
  MemoryLedger sender(0), receiver(0);
  void* payload = nullptr;
  for (int i = 0; i < 1000; ++i) {
    sender.enter();
    payload = allocate(static_cast<std::size_t>(i) + 1);
    give_bytes(block_bytes(payload));
    sender.leave();
    receive_and_free(receiver, payload, i + 1);
  }
  EXPECT_EQ(sender.bytes(), 0);
  EXPECT_EQ(receiver.bytes(), 0) << "nothing drifts";
}

TEST(MemoryLedger, WhatIsAllocatedToBeGivenIsOnNoAccount) {
  MemoryLedger sender(0), receiver(0);
  for (int i = 0; i < 1000; ++i) {
    sender.enter();
    void* volatile payload = allocate_given(static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(sender.current(), 0);
    sender.leave();
    if (i % 2 == 0) {
      receiver.enter();
      free_given(payload);
      EXPECT_EQ(receiver.current(), 0);
      receiver.leave();
    } else {
      receive_and_free(receiver, payload, i + 1);
    }
  }
  EXPECT_EQ(sender.bytes(), 0);
  EXPECT_EQ(receiver.bytes(), 0) << "nothing drifts";
}

TEST(MemoryLedger, BlocksThatHaveBeenReadAreGivenAgain) {
  MemoryLedger sender(0), receiver(0);
  drop_spare_blocks();
  sender.enter();
  void* const first = allocate_given(40);
  void* const second = allocate_given(33);
  sender.leave();
  receiver.enter();
  reuse_given(first, 40);
  reuse_given(second, 33);
  receiver.leave();
  sender.enter();
  void* const larger = allocate_given(49);
  EXPECT_NE(larger, first);
  EXPECT_NE(larger, second);
  EXPECT_EQ(allocate_given(48), second);
  EXPECT_EQ(allocate_given(34), first);
  sender.leave();
  receiver.enter();
  for (void* block : {first, second, larger}) free_given(block);
  receiver.leave();
  EXPECT_EQ(sender.bytes(), 0);
  EXPECT_EQ(receiver.bytes(), 0);
}

TEST(MemoryLedger, ASpareBlockHasRoomForWhatIsAskedFor) {
  drop_spare_blocks();
  for (std::size_t size = 1; size <= SpareBlocks::kMostBytes; ++size) {
    reuse_given(allocate_given(size), size);
    for (std::size_t asked = 1; asked <= SpareBlocks::kMostBytes; ++asked) {
      void* const block = allocate_given(asked);
      ASSERT_GE(block_bytes(block), asked) << "after one for " << size;
      ASSERT_EQ(given_bytes(block, asked), block_bytes(block)) << asked;
      reuse_given(block, asked);
    }
    drop_spare_blocks();
  }
}

TEST(MemoryLedger, WhatAThreadKeepsIsBounded) {
  drop_spare_blocks();
  std::vector<void*> blocks(SpareBlocks::kMost + 100);
  MemoryLedger ledger(0);
  ledger.enter();
  for (void*& block : blocks) block = allocate_given(64);
  for (void* block : blocks) reuse_given(block, 64);
  EXPECT_EQ(spare_blocks[SpareBlocks::place(64)].count, SpareBlocks::kMost);
  reuse_given(allocate_given(SpareBlocks::kMostBytes + 1), SpareBlocks::kMostBytes + 1);
  reuse_given(nullptr, 0);
  drop_spare_blocks();
  for (int i = 0; i < 100; ++i) reuse_given(allocate_given(4000), 40);
  EXPECT_LT(spare_blocks[SpareBlocks::place(40)].count, SpareBlocks::kStretch)
      << "large blocks of small messages";
  drop_spare_blocks();
  for (const SpareBlocks& spare : spare_blocks) {
    EXPECT_EQ(spare.first, nullptr);
    EXPECT_EQ(spare.count, 0);
  }
  ledger.leave();
  EXPECT_EQ(ledger.bytes(), 0);
}

#endif

TEST(MemoryLedger, KnowsTheSizeOfABlock) {
  void* block = std::malloc(1000);
  EXPECT_GE(block_bytes(block), 1000u);
  EXPECT_EQ(block_bytes(nullptr), 0u);
  std::free(block);
}

}  // namespace
}  // namespace runtime
