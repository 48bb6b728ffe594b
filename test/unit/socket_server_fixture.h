// A socket server under test, and ways to sockets of it. The tests over it: socket_connect_test.cc,
// socket_end_test.cc, socket_server_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "net/socket_server.h"
#include "raw_peer.h"
#include "socket_host.h"

namespace runtime {

// The services whose sockets these are.
constexpr Handle kOwner = 1, kOther = 2;

struct Pair {
  int client;
  int server;
};

class SocketServerTest : public testing::Test {
 protected:
  explicit SocketServerTest(int threads = 1, std::uint32_t max_sockets = 65536,
                            std::chrono::milliseconds claim = std::chrono::seconds(2))
      : server({host.host(), threads, max_sockets, claim}) {}

  // A started listener; its port is in port_.
  int listener() {
    const int id = server.listen(kOwner, "127.0.0.1", 0, 128);
    EXPECT_GT(id, 0);
    port_ = host.take(kSocketConnect, id).ud;
    server.start(kOwner, id);
    EXPECT_EQ(host.take(kSocketConnect, id).data, "start");
    return id;
  }
  // A connection whose two ends are both ours and started.
  Pair pair() {
    const int listening = listener();
    const int client = server.connect(kOwner, "127.0.0.1", port_);
    host.take(kSocketConnect, client);
    const int accepted = host.take(kSocketAccept, listening).ud;
    server.start(kOwner, accepted);
    host.take(kSocketConnect, accepted);
    server.close(listening);
    return {client, accepted};
  }
  // A connection to a plain socket; the id is started.
  int with_raw(RawPeer& peer) {
    const int listening = listener();
    peer.connect(port_);
    const int id = host.take(kSocketAccept, listening).ud;
    server.start(kOwner, id);
    host.take(kSocketConnect, id);
    server.close(listening);
    return id;
  }
  bool send(int id, std::string_view bytes, Priority priority = Priority::normal) {
    return server.send(id, SendData::borrowed(bytes), priority);
  }
  std::optional<SocketInfo> info(int id) {
    for (SocketInfo& one : server.info()) {
      if (one.id == id) return one;
    }
    return std::nullopt;
  }

  TestHost host;
  SocketServer server;
  int port_ = 0;
};

// Bytes in which a gap or a repetition shows.
inline std::string blob(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

}  // namespace runtime
