#include "lua/jit_areas.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <set>
#include <vector>

namespace runtime {
namespace {

constexpr std::size_t kPage = 4096, kSize = 16 * kPage;

void* const kNear =
    reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(&jit_areas) & ~0xffffUL);

void* map(void* wanted, std::size_t size) {
  return runtime_jit_map(wanted, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TEST(JitAreas, LieCloseToTheExecutableAndBeginInPagesOfEveryRest) {
  const std::size_t before = jit_areas();
  std::vector<char*> made;
  std::set<std::uintptr_t> rests;
  for (int i = 0; i < 64; ++i) {
    made.push_back(static_cast<char*>(map(kNear, kSize)));
    ASSERT_NE(made.back(), MAP_FAILED);
    made.back()[0] = made.back()[kSize - 1] = 1;
    EXPECT_LT(static_cast<char*>(kNear) - made.back(), std::ptrdiff_t{1} << 30);
    rests.insert(reinterpret_cast<std::uintptr_t>(made.back()) / kPage % 16);
  }
  EXPECT_EQ(jit_areas(), before + 64);
  EXPECT_EQ(rests.size(), 16u);
  for (char* area : made) EXPECT_EQ(runtime_jit_unmap(area, kSize), 0);
  EXPECT_EQ(jit_areas(), before);
}

TEST(JitAreas, APlaceIsUsedAgain) {
  void* const first = map(kNear, kSize);
  void* const second = map(kNear, kPage);
  EXPECT_NE(first, second);
  runtime_jit_unmap(first, kSize);
  EXPECT_EQ(map(kNear, kPage), first);
  runtime_jit_unmap(first, kPage);
  runtime_jit_unmap(second, kPage);
}

TEST(JitAreas, APlaceThatIsTakenIsLeftOut) {
  void* const area = map(kNear, kSize);
  runtime_jit_unmap(area, kSize);
  void* const other =
      mmap(area, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_EQ(other, area);
  void* const next = map(kNear, kSize);
  ASSERT_NE(next, MAP_FAILED);
  EXPECT_NE(next, area);
  munmap(other, kPage);
  runtime_jit_unmap(next, kSize);
}

TEST(JitAreas, WhatIsLargerOrWantedElsewhereIsNone) {
  const std::size_t before = jit_areas();
  void* const large = map(kNear, kSize + kPage);
  void* const anywhere = map(nullptr, kSize);
  ASSERT_NE(large, MAP_FAILED);
  ASSERT_NE(anywhere, MAP_FAILED);
  EXPECT_EQ(jit_areas(), before);
  EXPECT_EQ(runtime_jit_unmap(large, kSize + kPage), 0);
  EXPECT_EQ(runtime_jit_unmap(anywhere, kSize), 0);
  EXPECT_EQ(jit_areas(), before);
}

}  // namespace
}  // namespace runtime
