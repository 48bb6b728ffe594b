// epoll, and a way to wake who waits in it.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

namespace runtime {

// Level-triggered, unless EPOLLET is asked for. Threads: wait() from one; the rest from any.
class Poller {
 public:
  static constexpr std::uint64_t kWakeKey = 0;  // the key of the event that wake() causes

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // False: the system had no descriptors left when this was made; nothing else may be called then.
  bool ok() const { return epoll_fd_ >= 0 && wake_fd_ >= 0; }

  // Changes what is waited for on `fd` from `before` to `after` (EPOLLIN, EPOLLOUT, ...; 0
  // is not watching it at all, so that not even errors are reported). 0, or the system's error
  // number.
  int watch(int fd, std::uint32_t before, std::uint32_t after, std::uint64_t key);

  // Fills the front of `events` and tells how many. `timeout_ms` -1 waits for as long as it takes.
  int wait(std::span<epoll_event> events, int timeout_ms);

  // Makes the current wait() return, or the next one.
  void wake();

  // Readable while wait() would not wait: for those who wait for other things as well.
  int descriptor() const { return epoll_fd_; }

 private:
  int epoll_fd_;
  int wake_fd_;
};

}  // namespace runtime
