// The sockets of connections whose handshake is done, as far as they are to be read.
//
// libwebsockets could watch them itself, but its loop (4.1.6) does not survive a peer that ends the
// connection while bytes to it are stuck: it reads that end again and again, and serves nobody else
// any more. So it is told not to read (lws_rx_flow_control), the sockets are watched here, and who
// has something is served by one call of lws_service_fd(), which has no such loop.
//
// Threads:   one.
// Ownership: connections are not owned; remove() comes before their end.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>

#include "services/wsgate/connection.h"

namespace runtime::wsgate {

class ReadSet {
 public:
  enum class Watch { bytes_and_end, end_only };

  ReadSet();
  ~ReadSet();
  ReadSet(const ReadSet&) = delete;
  ReadSet& operator=(const ReadSet&) = delete;

  // Readable while a connection has something; -1: there was no descriptor left.
  int descriptor() const { return epoll_; }

  // False: the system watches no more sockets.
  [[nodiscard]] bool add(Connection& connection, Watch watch);
  void change(Connection& connection, Watch watch);
  // Also of a connection that is not here. next() does not give it any more.
  void remove(Connection& connection);

  // Looks who has something, without waiting, and takes note of a batch of them. How many they are.
  std::size_t collect();
  // The next one of the batch, or null.
  Connection* next();

 private:
  int control(int operation, Connection& connection, Watch watch);

  const int epoll_;
  std::array<epoll_event, 256> batch_{};
  std::size_t given_ = 0;  // of the batch
  std::size_t size_ = 0;
};

}  // namespace runtime::wsgate
