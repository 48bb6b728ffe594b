#include "services/wsgate/read_set.h"

#include <libwebsockets.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace runtime::wsgate {

ReadSet::ReadSet() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

ReadSet::~ReadSet() {
  if (epoll_ >= 0) close(epoll_);
}

int ReadSet::control(int operation, Connection& connection, Watch watch) {
  epoll_event event{};
  event.events = watch == Watch::end_only ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP;
  event.data.ptr = &connection;
  return epoll_ctl(epoll_, operation, lws_get_socket_fd(connection.wsi), &event);
}

bool ReadSet::add(Connection& connection, Watch watch) {
  return control(EPOLL_CTL_ADD, connection, watch) == 0;
}

void ReadSet::change(Connection& connection, Watch watch) {
  control(EPOLL_CTL_MOD, connection, watch);
}

void ReadSet::remove(Connection& connection) {
  control(EPOLL_CTL_DEL, connection, Watch::end_only);
  for (std::size_t i = given_; i < size_; ++i) {
    if (batch_[i].data.ptr == &connection) batch_[i].data.ptr = nullptr;
  }
}

std::size_t ReadSet::collect() {
  const int count = epoll_wait(epoll_, batch_.data(), static_cast<int>(batch_.size()), 0);
  RUNTIME_CHECK(count >= 0 || errno == EINTR, "epoll_wait on our own descriptor");
  given_ = 0;
  size_ = static_cast<std::size_t>(std::max(count, 0));
  return size_;
}

Connection* ReadSet::next() {
  while (given_ < size_) {
    auto* const connection = static_cast<Connection*>(batch_[given_++].data.ptr);
    if (connection != nullptr) return connection;
  }
  return nullptr;
}

}  // namespace runtime::wsgate
