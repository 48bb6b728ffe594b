// The slice of time that the kernel gives a thread, as the kernel tells it (base/time_slice.h).
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>

namespace runtime {

// sched_attr of sched_setattr(2), whose header does not go with <sched.h>.
struct ThreadAttributes {
  std::uint32_t size = sizeof(ThreadAttributes), policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

// Thread 0 is the calling one.
inline ThreadAttributes attributes_of(pid_t thread) {
  ThreadAttributes attributes;
  EXPECT_EQ(syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0), 0);
  return attributes;
}
inline std::uint64_t slice_ns(pid_t thread) { return attributes_of(thread).runtime; }

// Kernels before 6.12 know no slices: they tell 0.
inline bool kernel_has_slices() { return slice_ns(0) != 0; }

}  // namespace runtime
