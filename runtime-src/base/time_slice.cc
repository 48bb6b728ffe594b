#include "base/time_slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace runtime {

namespace {

constexpr std::uint64_t kShortNs = 100'000;  // the shortest that the kernel takes

// Sets a thread's slice and keeps its niceness; gives back the slice it had, or 0.
std::uint64_t set_slice(pid_t thread, std::uint64_t ns) {
  sched_attr attributes = {};
  if (syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0) != 0) return 0;
  if (attributes.sched_policy != SCHED_NORMAL) return 0;
  const std::uint64_t before = attributes.sched_runtime;
  attributes.sched_runtime = ns;
  syscall(SYS_sched_setattr, thread, &attributes, 0);
  return before;
}

}  // namespace

void TimeSlice::attach() { thread_ = gettid(); }

void TimeSlice::shorten() {
  if (short_) return;
  usual_ns_ = set_slice(thread_, kShortNs);
  short_ = true;
}

void TimeSlice::restore() {
  if (!short_) return;
  set_slice(thread_, usual_ns_);
  short_ = false;
}

}  // namespace runtime
