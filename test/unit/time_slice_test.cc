#include "base/time_slice.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "thread_slice.h"

namespace runtime {
namespace {

TEST(TimeSlice, IsShortenedAndAsItWasAgain) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  TimeSlice slice;
  const auto usual = slice_ns(0);
  slice.restore();  // it is not short: nothing happens
  EXPECT_EQ(slice_ns(0), usual);
  slice.shorten();
  slice.shorten();  // and the usual one is not forgotten
  EXPECT_TRUE(slice.is_short());
  EXPECT_LT(slice_ns(0), usual);
  slice.restore();
  EXPECT_FALSE(slice.is_short());
  EXPECT_EQ(slice_ns(0), usual);
}

TEST(TimeSlice, OthersKeepTheirs) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  const auto usual = slice_ns(0);
  std::thread([&] {
    TimeSlice slice;
    slice.shorten();
    EXPECT_LT(slice_ns(0), usual);
    EXPECT_EQ(slice_ns(getpid()), usual) << "that of the main thread";
  }).join();
}

TEST(TimeSlice, NicenessStays) {
  std::thread([] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 7), 0);
    TimeSlice slice;
    slice.shorten();
    EXPECT_EQ(attributes_of(0).nice, 7);
    slice.restore();
    EXPECT_EQ(attributes_of(0).nice, 7);
  }).join();
}

TEST(TimeSlice, APolicyThatSomebodyChoseStays) {
  std::thread([] {
    ThreadAttributes chosen = attributes_of(0);
    chosen.policy = static_cast<std::uint32_t>(SCHED_BATCH);
    ASSERT_EQ(syscall(SYS_sched_setattr, 0, &chosen, 0), 0);
    const auto usual = slice_ns(0);
    TimeSlice slice;
    slice.shorten();
    slice.restore();
    EXPECT_EQ(attributes_of(0).policy, static_cast<std::uint32_t>(SCHED_BATCH));
    EXPECT_EQ(slice_ns(0), usual);
  }).join();
}

}  // namespace
}  // namespace runtime
