#include "base/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <vector>

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
