#include "base/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "base/start_thread.h"

namespace runtime {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these take all addresses
constexpr std::size_t kMegabyte = 1024 * 1024;

std::size_t address_space() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// In a process of its own: what it says is its exit status.
[[noreturn]] void use_up_all_memory() {
  keep_memory_reserve();
  std::vector<void*> blocks;
  blocks.reserve(100000);
  const rlim_t limit = address_space() + 128 * kMegabyte;
  const rlimit limits{limit, limit};
  if (setrlimit(RLIMIT_AS, &limits) != 0) std::_Exit(1);
  while (void* block = heap_malloc(kMegabyte)) blocks.push_back(block);
  if (blocks.empty() || blocks.size() > 200) std::_Exit(2);
  // The heap may have no more, C++ may.
  char* volatile own = new (std::nothrow) char[8 * kMegabyte];
  if (own == nullptr) std::_Exit(3);
  if (heap_malloc(100 * kMegabyte) != nullptr) std::_Exit(4);
  delete[] own;
  for (void* block : blocks) std::free(block);
  if (heap_malloc(kMegabyte) == nullptr) std::_Exit(5);
  std::_Exit(0);
}

// All of it, also the reserve and what C++ could have.
void use_up(std::size_t rest) {
  const rlim_t limit = address_space() + rest;
  const rlimit limits{limit, limit};
  if (setrlimit(RLIMIT_AS, &limits) != 0) std::_Exit(1);
  for (std::size_t size = kMegabyte; size >= 4096; size /= 2) {
    for (void* volatile block = std::malloc(size); block != nullptr;) block = std::malloc(size);
  }
}

[[noreturn]] void allocate_on_a_thread_that_never_has() {
  std::atomic<bool> runs{false};
  std::atomic<bool> exhausted{false};
  std::thread thread;
  const int error = start_thread(thread, [&] {
    runs.store(true);
    while (!exhausted.load()) std::this_thread::yield();
    void* volatile block = std::malloc(64);
    std::free(block);
    std::_Exit(0);
  });
  if (error != 0) std::_Exit(2);
  while (!runs.load()) std::this_thread::yield();
  use_up(16 * kMegabyte);
  exhausted.store(true);
  thread.join();
  std::_Exit(3);
}

TEST(MemoryReserveDeathTest, AThreadMayAllocateForTheFirstTimeWhenThereIsNone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(allocate_on_a_thread_that_never_has(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void need_what_only_the_reserve_has() {
  keep_memory_reserve();
  use_up(64 * kMegabyte);
  void* volatile block = std::malloc(kMegabyte);
  if (block != nullptr) std::_Exit(2);
  block = needed([] { return std::malloc(kMegabyte); });
  std::_Exit(block != nullptr ? 0 : 3);
}

TEST(MemoryReserveDeathTest, WhatIsNeededComesFromTheReserve) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(need_what_only_the_reserve_has(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void allocate_without_end() noexcept {
  keep_memory_reserve();
  use_up(64 * kMegabyte);
  std::vector<std::unique_ptr<char[]>> blocks;
  for (;;) blocks.emplace_back(new char[100'000]);
}

TEST(MemoryReserveDeathTest, AProcessThatEndsForLackOfMemorySaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(allocate_without_end(), "out of memory");
}

TEST(MemoryReserveDeathTest, IsThereForOthersWhenLuaHeapsHaveTakenAllMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(use_up_all_memory(), testing::ExitedWithCode(0), "");
}
#endif

TEST(MemoryReserve, HeapsGetMemoryWithoutOne) {
  void* block = heap_malloc(100);
  ASSERT_NE(block, nullptr);
  block = heap_realloc(block, 200000);
  ASSERT_NE(block, nullptr);
  std::free(block);
}

}  // namespace
}  // namespace runtime
