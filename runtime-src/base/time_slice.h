// How soon a thread that wakes up gets a core on which another one runs.
#pragma once

#include <cstdint>

namespace runtime {

// The slice of time that the kernel gives the calling thread. Of two threads that want one core, the one that
// wakes up with the shorter slice runs at once, the other waits for the end of a slice, some
// milliseconds; the share of both stays a half. After restore() the thread may keep even the first
// waiting for the rest of such a slice. Linux 6.12 and later (sched_setattr(2),
// sched_attr::sched_runtime); on others, and where a policy other than SCHED_OTHER was chosen,
// nothing changes. One thread's.
class TimeSlice {
 public:
  bool is_short() const { return short_; }
  void shorten();
  void restore();  // as it was

 private:
  bool short_ = false;
  std::uint64_t usual_ns_ = 0;
};

}  // namespace runtime
