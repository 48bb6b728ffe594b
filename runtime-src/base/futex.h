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

// Wakes one that sleeps on `first` and one that sleeps on `second`, in this order but in one call: what
// wakes up on the caller's core may run before the caller goes on.
inline void futex_wake_both(std::atomic<std::uint32_t>& first, std::atomic<std::uint32_t>& second) {
  // The call would change `second`, and look at what was there: it adds nothing, and takes any value.
  constexpr unsigned kAnyValue = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_GE, 0);
  constexpr std::uintptr_t kOne = 1;
  if (syscall(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, kOne, &second, kAnyValue) >= 0) return;
  futex_wake(first, 1);  // such a kernel has one word a call only
  futex_wake(second, 1);
}

// The same as an interface, for classes whose tests put something else in its place.
class Futex {
 public:
  virtual ~Futex() = default;
  virtual void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                    std::optional<std::chrono::nanoseconds> timeout = std::nullopt) = 0;
  // Wakes one.
  virtual void wake(std::atomic<std::uint32_t>& word) = 0;
  virtual void wake_both(std::atomic<std::uint32_t>& first, std::atomic<std::uint32_t>& second) {
    wake(first);
    wake(second);
  }
};
// That of the kernel.
inline Futex& kernel_futex() {
  class Kernel : public Futex {
    void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
              std::optional<std::chrono::nanoseconds> timeout) override {
      futex_wait(word, expected, timeout);
    }
    void wake(std::atomic<std::uint32_t>& word) override { futex_wake(word, 1); }
    void wake_both(std::atomic<std::uint32_t>& first, std::atomic<std::uint32_t>& second) override {
      futex_wake_both(first, second);
    }
  };
  static Kernel kernel;
  return kernel;
}

}  // namespace runtime
