// The clocks of the process. All are monotonic but wall_ns().
#pragma once

#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace runtime {

inline std::int64_t clock_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}
inline std::int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
inline std::int64_t wall_ns() { return clock_ns(CLOCK_REALTIME); }
// CPU time of the calling thread. A system call: a microsecond where the others cost tens of
// nanoseconds.
inline std::int64_t thread_cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

// The cheapest clock there is, in units of its own (ns_per_cycle).
inline std::uint64_t cycles() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(monotonic_ns());
#endif
}

// How long a cycle is; measured once, on first use (a few milliseconds).
double ns_per_cycle();

}  // namespace runtime
