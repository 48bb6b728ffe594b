#include "services/wsgate/read_set.h"

#include <libwebsockets.h>

namespace runtime::wsgate {

namespace {

constexpr std::uint64_t kNobody = Poller::kWakeKey;
constexpr std::uint64_t kLibrary = 1;  // no address of a connection

std::uint32_t events_of(ReadSet::Watch watch) {
  return watch == ReadSet::Watch::end_only ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP;
}

std::uint64_t key_of(Connection& connection) {
  return reinterpret_cast<std::uintptr_t>(&connection);
}

}  // namespace

bool ReadSet::add(Connection& connection, Watch watch) {
  const int fd = lws_get_socket_fd(connection.wsi);
  const std::uint32_t events = events_of(watch);
  // Its handshake has been watched, unless the system had no memory for that.
  return poller_.watch(fd, EPOLLIN, events, key_of(connection)) == 0 ||
         poller_.watch(fd, 0, events, key_of(connection)) == 0;
}

// Edge-triggered: what libwebsockets does not read at once must not keep the thread awake.
void ReadSet::watch_for_library(int fd) { poller_.watch(fd, 0, EPOLLIN | EPOLLET, kLibrary); }

void ReadSet::change(Connection& connection, Watch watch) {
  poller_.watch(lws_get_socket_fd(connection.wsi), EPOLLRDHUP, events_of(watch),
                key_of(connection));
}

void ReadSet::remove(Connection& connection) {
  poller_.watch(lws_get_socket_fd(connection.wsi), EPOLLRDHUP, 0, key_of(connection));
  for (std::size_t i = given_; i < size_; ++i) {
    if (batch_[i].data.u64 == key_of(connection)) batch_[i].data.u64 = kNobody;
  }
}

bool ReadSet::collect(int timeout_ms) {
  given_ = 0;
  size_ = static_cast<std::size_t>(poller_.wait(batch_, timeout_ms));
  for (std::size_t i = 0; i < size_; ++i) {
    if (batch_[i].data.u64 != kLibrary) continue;
    batch_[i].data.u64 = kNobody;
    library_due_ = true;
  }
  return size_ != 0;
}

Connection* ReadSet::next() {
  while (given_ < size_) {
    const std::uint64_t key = batch_[given_++].data.u64;
    if (key != kNobody) return reinterpret_cast<Connection*>(key);
  }
  return nullptr;
}

}  // namespace runtime::wsgate
