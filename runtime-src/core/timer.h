// Time, and the thread that posts due timers.
//
// The thread sleeps until the next timer is due; without timers it sleeps for good.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "core/timer_wheel.h"

namespace runtime {

class Timer {
 public:
  // `post` gets the timers that are due, the earliest first, on the timer thread.
  using Post = std::function<void(std::span<const TimerEntry>)>;
  explicit Timer(Post post);
  ~Timer();

  // 0, or the system's error number when it has no thread for it.
  int start();
  void stop();

  // 1/100 s since the process started, plus the hundredths of the second in which it did; so that
  // start_seconds() * 100 + now() is wall clock time. Never goes back.
  std::uint64_t now() const;
  std::uint32_t start_seconds() const { return start_seconds_; }

  // Posts `entry` when `delay` ticks have begun; at least one, and at most a lifetime of them.
  void add(Ticks delay, TimerEntry entry);

 private:
  std::int64_t elapsed_ns() const;
  void run();

  const Post post_;
  std::int64_t start_ns_;  // CLOCK_MONOTONIC at which now() would have been 0
  std::uint32_t start_seconds_;
  std::mutex mutex_;
  TimerWheel wheel_;  // guarded by mutex_
  // Guarded by mutex_; when the thread will look again by itself.
  std::int64_t sleeps_until_ns_ = 0;
  std::atomic<std::uint32_t> changed_{0};  // what the thread sleeps on
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace runtime
