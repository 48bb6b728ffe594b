#include "base/memory_ledger.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

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

TEST(MemoryLedger, ABlockThatHasBeenReadIsGivenAgainWhereItIsLargeEnough) {
  MemoryLedger sender(0), receiver(0);
  drop_spare_block();
  sender.enter();
  void* const first = allocate_given(40);
  sender.leave();
  receiver.enter();
  reuse_given(first, 40);
  receiver.leave();
  sender.enter();
  void* const larger = allocate_given(41);
  void* const second = allocate_given(30);
  sender.leave();
  EXPECT_NE(larger, first);
  EXPECT_EQ(second, first);
  receiver.enter();
  reuse_given(second, 30);
  reuse_given(larger, 41);
  EXPECT_EQ(allocate_given(41), larger) << "the larger one of two is kept";
  reuse_given(larger, 41);
  reuse_given(allocate_given(kMostSpare + 1), kMostSpare + 1);
  EXPECT_EQ(spare_block.data, larger) << "a large one is not";
  reuse_given(nullptr, 0);
  drop_spare_block();
  EXPECT_EQ(spare_block.data, nullptr);
  receiver.leave();
  EXPECT_EQ(sender.bytes(), 0);
  EXPECT_EQ(receiver.bytes(), 0);
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
