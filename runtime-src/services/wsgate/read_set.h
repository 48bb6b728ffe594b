// The sockets of connections whose handshake is done, as far as they are to be read.
//
// libwebsockets could watch them itself, but its loop (4.1.6) does not survive a peer that ends the
// connection while bytes to it are stuck: it reads that end again and again, and serves nobody else
// any more. So it is told not to read (lws_rx_flow_control), and the sockets are watched here.
//
// Threads:   one, but for wake().
// Ownership: connections are not owned; remove() comes before their end.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "net/poller.h"
#include "services/wsgate/connection.h"

namespace runtime::wsgate {

class ReadSet {
 public:
  enum class Watch { bytes_and_end, end_only };

  bool ok() const { return poller_.ok(); }
  // Readable while a connection has something, or after wake().
  int descriptor() const { return poller_.descriptor(); }

  // False: the system watches no more sockets.
  [[nodiscard]] bool add(Connection& connection, Watch watch);
  void change(Connection& connection, Watch watch);
  // Also of a connection that is not here. next() does not give it any more.
  void remove(Connection& connection);

  // A socket that libwebsockets reads: the listener, or a handshake. Ends with add(), or when it is
  // closed.
  void watch_for_library(int fd);
  // Whether something has come for one of those since the last time; collect() has seen it.
  bool take_library_due() { return std::exchange(library_due_, false); }

  // Waits until somebody has something, or wake(), and takes note of a batch of them. False: there
  // was nothing in that time.
  bool collect(int timeout_ms);
  // The next one of the batch, or null.
  Connection* next();

  // Makes the current collect() return, or the next one. Any thread.
  void wake() { poller_.wake(); }

 private:
  Poller poller_;
  std::array<epoll_event, 256> batch_{};
  std::size_t given_ = 0;  // of the batch
  std::size_t size_ = 0;
  bool library_due_ = false;
};

}  // namespace runtime::wsgate
