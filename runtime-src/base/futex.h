// Sleeping and waking on a 32-bit word: the Linux system call, private to the process.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

namespace runtime {

// Sleeps while `word` holds `expected`, until a wake, a signal or the timeout. May return for no
// reason.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
  timespec limit{};
  if (timeout) {
    limit.tv_sec = static_cast<time_t>(timeout->count() / 1'000'000'000);
    limit.tv_nsec = static_cast<long>(timeout->count() % 1'000'000'000);
  }
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeout ? &limit : nullptr, nullptr, 0);
}

// Wakes up to `threads` of those that sleep on `word`.
inline void futex_wake(std::atomic<std::uint32_t>& word, int threads) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

// The same as an interface, for classes whose tests put something else in its place.
class Futex {
 public:
  virtual ~Futex() = default;
  virtual void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                    std::optional<std::chrono::nanoseconds> timeout = std::nullopt) = 0;
  // Wakes one.
  virtual void wake(std::atomic<std::uint32_t>& word) = 0;
};
// That of the kernel.
inline Futex& kernel_futex() {
  class Kernel : public Futex {
    void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
              std::optional<std::chrono::nanoseconds> timeout) override {
      futex_wait(word, expected, timeout);
    }
    void wake(std::atomic<std::uint32_t>& word) override { futex_wake(word, 1); }
  };
  static Kernel kernel;
  return kernel;
}

}  // namespace runtime
