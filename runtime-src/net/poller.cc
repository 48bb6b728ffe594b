#include "net/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace runtime {

Poller::Poller()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!ok()) return;
  // Edge-triggered: each wake() is one event, and nobody needs to read the counter.
  epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = kWakeKey}};
  RUNTIME_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) == 0,
                "epoll takes an eventfd");
}

Poller::~Poller() {
  if (wake_fd_ >= 0) close(wake_fd_);
  if (epoll_fd_ >= 0) close(epoll_fd_);
}

int Poller::watch(int fd, std::uint32_t before, std::uint32_t after, std::uint64_t key) {
  const int operation = before == 0 ? EPOLL_CTL_ADD : after == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  epoll_event event = {.events = after, .data = {.u64 = key}};
  return epoll_ctl(epoll_fd_, operation, fd, &event) == 0 ? 0 : errno;
}

int Poller::wait(std::span<epoll_event> events, int timeout_ms) {
  const int count =
      epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout_ms);
  RUNTIME_CHECK(count >= 0 || errno == EINTR, "epoll_wait on our own descriptor");
  return count < 0 ? 0 : count;
}

void Poller::wake() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the event is pending anyway.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

}  // namespace runtime
