#include "core/timer.h"

#include <sys/prctl.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/clock.h"
#include "base/futex.h"
#include "base/start_thread.h"

namespace runtime {

namespace {
constexpr std::int64_t kTickNs = 10'000'000;
constexpr std::size_t kTogether = 64;  // the first of many is not to wait until all are posted
constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();
// 146 years. What is due then can be told in nanoseconds as well.
constexpr Ticks kMaxDelay{kForEver / kTickNs / 2};
}  // namespace

Timer::Timer(Post post) : post_(std::move(post)) {
  const std::int64_t wall = wall_ns();
  start_seconds_ = static_cast<std::uint32_t>(wall / 1'000'000'000);
  start_ns_ = monotonic_ns() - wall % 1'000'000'000;
}

Timer::~Timer() { stop(); }

int Timer::start() {
  return start_thread(thread_, [this] { run(); });
}

void Timer::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  changed_.fetch_add(1);
  futex_wake(changed_, 1);
  thread_.join();
}

std::int64_t Timer::elapsed_ns() const { return monotonic_ns() - start_ns_; }

std::uint64_t Timer::now() const { return static_cast<std::uint64_t>(elapsed_ns() / kTickNs); }

void Timer::add(Ticks delay, TimerEntry entry) {
  const Ticks due = Ticks(elapsed_ns() / kTickNs) + std::clamp(delay, Ticks(1), kMaxDelay);
  bool sooner;
  {
    std::lock_guard lock(mutex_);
    wheel_.add(due, entry);
    sooner = due.count() * kTickNs < sleeps_until_ns_;
    if (sooner) sleeps_until_ns_ = due.count() * kTickNs;
  }
  if (sooner) {
    changed_.fetch_add(1);
    futex_wake(changed_, 1);
  }
}

void Timer::run() {
  prctl(PR_SET_TIMERSLACK, 1);
  std::vector<TimerEntry> due;
  while (!stopping_.load()) {
    // Take what is due.
    const std::uint32_t seen = changed_.load();
    std::int64_t next_ns = kForEver;
    due.clear();
    {
      std::lock_guard lock(mutex_);
      wheel_.advance(Ticks(elapsed_ns() / kTickNs),
                     [&due](const TimerEntry& entry) { due.push_back(entry); });
      if (const auto next = wheel_.next_due()) next_ns = next->count() * kTickNs;
      sleeps_until_ns_ = next_ns;
    }
    // Post it, without the lock.
    for (std::span<const TimerEntry> rest = due; !rest.empty();) {
      const std::size_t count = std::min(rest.size(), kTogether);
      post_(rest.first(count));
      rest = rest.subspan(count);
    }
    if (due.capacity() > 4096) std::vector<TimerEntry>().swap(due);
    // Sleep until the next one, or until an earlier one is added.
    if (next_ns == kForEver) {
      futex_wait(changed_, seen);
    } else if (const std::int64_t left = next_ns - elapsed_ns(); left > 0) {
      futex_wait(changed_, seen, std::chrono::nanoseconds(left));
    }
  }
}

}  // namespace runtime
