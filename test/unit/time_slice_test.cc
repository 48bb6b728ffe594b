#include "base/time_slice.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <barrier>
#include <thread>

namespace runtime {
namespace {

// sched_attr of sched_setattr(2), whose header does not go with <sched.h>.
struct Attributes {
  std::uint32_t size = sizeof(Attributes), policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

Attributes attributes_of(pid_t thread) {
  Attributes attributes;
  EXPECT_EQ(syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0), 0);
  return attributes;
}

// Kernels before 6.12 know no slices: they tell 0.
bool kernel_has_slices() { return attributes_of(0).runtime != 0; }

TEST(TimeSlice, IsShortenedAndAsItWasAgain) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no slices";
  TimeSlice slice;
  slice.attach();
  const auto usual = attributes_of(0).runtime;
  slice.restore();  // it is not short: nothing happens
  EXPECT_EQ(attributes_of(0).runtime, usual);
  slice.shorten();
  slice.shorten();  // and the usual one is not forgotten
  EXPECT_TRUE(slice.is_short());
  EXPECT_LT(attributes_of(0).runtime, usual);
  slice.restore();
  EXPECT_FALSE(slice.is_short());
  EXPECT_EQ(attributes_of(0).runtime, usual);
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
  const auto usual = attributes_of(thread).runtime;
  slice.shorten();
  EXPECT_LT(attributes_of(thread).runtime, usual);
  EXPECT_EQ(attributes_of(0).runtime, usual) << "the caller's own stays";
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
    Attributes chosen = attributes_of(0);
    chosen.policy = static_cast<std::uint32_t>(SCHED_BATCH);
    ASSERT_EQ(syscall(SYS_sched_setattr, 0, &chosen, 0), 0);
    const auto usual = attributes_of(0).runtime;
    TimeSlice slice;
    slice.attach();
    slice.shorten();
    slice.restore();
    EXPECT_EQ(attributes_of(0).policy, static_cast<std::uint32_t>(SCHED_BATCH));
    EXPECT_EQ(attributes_of(0).runtime, usual);
  }).join();
}

}  // namespace
}  // namespace runtime
