#include "base/time_slice.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <barrier>
#include <thread>

#include "thread_slice.h"

namespace runtime {
namespace {

TEST(TimeSlice, IsShortenedAndAsItWasAgain) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  TimeSlice slice;
  slice.attach();
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

TEST(TimeSlice, OfAnotherThread) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  TimeSlice slice;
  std::barrier step(2);
  pid_t thread = 0;
  std::thread other([&] {
    slice.attach();
    thread = gettid();
    step.arrive_and_wait();
    step.arrive_and_wait();
  });
  step.arrive_and_wait();
  const auto usual = slice_ns(thread);
  slice.shorten();
  EXPECT_LT(slice_ns(thread), usual);
  EXPECT_EQ(slice_ns(0), usual) << "the caller's own stays";
  step.arrive_and_wait();
  other.join();
  slice.restore();  // it has ended: nothing happens
}

TEST(TimeSlice, NicenessStays) {
  std::thread([] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 7), 0);
    TimeSlice slice;
    slice.attach();
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
    slice.attach();
    slice.shorten();
    slice.restore();
    EXPECT_EQ(attributes_of(0).policy, static_cast<std::uint32_t>(SCHED_BATCH));
    EXPECT_EQ(slice_ns(0), usual);
  }).join();
}

}  // namespace
}  // namespace runtime
