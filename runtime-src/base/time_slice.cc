#include "base/time_slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace runtime {

namespace {

constexpr std::uint64_t kShortNs = 100'000;  // the shortest that the kernel takes

// Sets the calling thread's slice and keeps its niceness; gives back the slice it had, or 0.
std::uint64_t set_slice(std::uint64_t ns) {
  constexpr int kCaller = 0;
  sched_attr attributes = {};
  if (syscall(SYS_sched_getattr, kCaller, &attributes, sizeof(attributes), 0) != 0) return 0;
  if (attributes.sched_policy != SCHED_NORMAL) return 0;
  const std::uint64_t before = attributes.sched_runtime;
  attributes.sched_runtime = ns;
  syscall(SYS_sched_setattr, kCaller, &attributes, 0);
  return before;
}

}  // namespace

void TimeSlice::shorten() {
  if (short_) return;
  usual_ns_ = set_slice(kShortNs);
  short_ = true;
}

void TimeSlice::restore() {
  if (!short_) return;
  set_slice(usual_ns_);
  short_ = false;
}

}  // namespace runtime
