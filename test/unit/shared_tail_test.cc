#include "base/shared_tail.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace runtime {
namespace {

constexpr std::size_t kPage = SharedTail::kPage;

// Whether the page is the file's, not one that was written to (Documentation/admin-guide/mm/pagemap.rst, bit 61).
bool is_shared(const char* page) {
  const int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  const std::size_t number = reinterpret_cast<std::uintptr_t>(page) / kPage;
  std::uint64_t entry = 0;
  EXPECT_EQ(pread(file, &entry, sizeof entry, static_cast<off_t>(number * sizeof entry)),
            static_cast<ssize_t>(sizeof entry));
  close(file);
  return (entry >> 61 & 1) != 0;
}

class SharedTailTest : public testing::Test {
 protected:
  ~SharedTailTest() override { munmap(pages_, kPages * kPage); }

  // A page that is like the others.
  char* page(std::size_t i) {
    char* const page = pages_ + i * kPage;
    std::memcpy(page, content_.data(), content_.size());
    return page;
  }
  std::string tail_at(const char* page) { return {page, content_.size()}; }

  static constexpr std::size_t kPages = 2 * SharedTail::kMostShared + 2;
  const std::string content_ = std::string(1000, 'x') + std::string(1000, 'y');
  std::shared_ptr<SharedTail> tail_ = SharedTail::of(content_.data(), content_.size());
  char* const pages_ = static_cast<char*>(
      mmap(nullptr, kPages* kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
};

TEST_F(SharedTailTest, APageThatIsWrittenToLeavesTheOthersAsTheyAre) {
  char* const one = page(0);
  char* const other = page(2);
  ASSERT_TRUE(tail_->share(one));
  ASSERT_TRUE(tail_->share(other));
  EXPECT_EQ(tail_at(one), content_);
  EXPECT_TRUE(is_shared(one));
  one[0] = 'z';
  EXPECT_EQ(tail_at(one), "z" + content_.substr(1));
  EXPECT_EQ(tail_at(other), content_);
  EXPECT_FALSE(is_shared(one));
  EXPECT_TRUE(is_shared(other));
  tail_->unshare(one);
  tail_->unshare(other);
}

// As malloc has it: what was given back to the kernel is empty.
TEST_F(SharedTailTest, APageThatIsNoLongerSharedCanBeEmptied) {
  char* const one = page(0);
  ASSERT_TRUE(tail_->share(one));
  tail_->unshare(one);
  std::memset(one, 1, kPage);
  EXPECT_FALSE(is_shared(one));
  ASSERT_EQ(madvise(one, kPage, MADV_DONTNEED), 0);
  EXPECT_EQ(std::string(one, kPage), std::string(kPage, '\0'));
}

TEST_F(SharedTailTest, WhatDiffersOrBeginsInsideOfAPageStaysAsItIs) {
  char* const one = page(0);
  one[content_.size() - 1] = 'z';
  EXPECT_FALSE(tail_->share(one));
  EXPECT_EQ(one[content_.size() - 1], 'z');
  std::memcpy(one + 16, content_.data(), content_.size());
  EXPECT_FALSE(tail_->share(one + 16));
}

TEST_F(SharedTailTest, TheSameTailIsMadeOnce) {
  EXPECT_EQ(SharedTail::of(content_.data(), content_.size()), tail_);
  EXPECT_NE(SharedTail::of(content_.data(), content_.size() - 1), tail_);
  const std::string other(content_.size(), 'z');
  EXPECT_NE(SharedTail::of(other.data(), other.size()), tail_);
}

TEST_F(SharedTailTest, IsBounded) {
  std::size_t shared = 0;
  while (shared <= SharedTail::kMostShared && tail_->share(page(2 * shared))) ++shared;
  EXPECT_EQ(shared, SharedTail::kMostShared);
  EXPECT_EQ(tail_at(pages_ + 2 * shared * kPage), content_);
  tail_->unshare(pages_);
  EXPECT_TRUE(tail_->share(page(0)));
  for (std::size_t i = 0; i < shared; ++i) tail_->unshare(pages_ + 2 * i * kPage);
}

}  // namespace
}  // namespace runtime
