// Datagrams through the socket server.
#include <gtest/gtest.h>

#include "net/socket_server.h"
#include "socket_host.h"

namespace runtime {
namespace {

constexpr Handle kOwner = 1;

class SocketUdpTest : public testing::Test {
 protected:
  SocketUdpTest() : server({host.host()}) {}

  bool send(int id, std::string_view bytes) { return server.send(id, SendData::borrowed(bytes)); }
  bool send_to(int id, std::string_view to, std::string_view bytes) {
    return server.udp_send(id, to, SendData::borrowed(bytes));
  }
  // A socket bound to a port that was free a moment ago.
  int bound(int* port, const char* address = "127.0.0.1") {
    for (*port = 20000; *port < 60000; *port += 17) {
      // SO_REUSEADDR would let two sockets share a port: ask without it.
      const int fd = socket(AF_INET, SOCK_DGRAM, 0);
      const Address wanted = *Address::parse("127.0.0.1", *port);
      const bool is_free = ::bind(fd, wanted.get(), wanted.size()) == 0;
      close(fd);
      if (is_free) return server.udp_listen(kOwner, address, *port);
    }
    return -1;
  }
  static std::string binary(const char* ip, int port) {
    char encoded[Address::kMaxEncoded];
    return {encoded, Address::parse(ip, port)->encode(encoded)};
  }

  TestHost host;
  SocketServer server;
};

TEST_F(SocketUdpTest, ABoundSocketAndADialledOneTalk) {
  int port;
  const int a = bound(&port);
  const int b = server.udp_dial(kOwner, "127.0.0.1", port);
  EXPECT_TRUE(send(b, "ping"));
  const TestEvent ping = host.take(kSocketUdp, a);
  EXPECT_EQ(ping.data, "ping");
  EXPECT_EQ(ping.address.size(), 7u);
  EXPECT_TRUE(send_to(a, ping.address, "pong"));
  const TestEvent pong = host.take(kSocketUdp, b);
  EXPECT_EQ(pong.data, "pong");
  EXPECT_EQ(pong.address, binary("127.0.0.1", port));
}

TEST_F(SocketUdpTest, DatagramsKeepTheirBordersAndMayBeEmpty) {
  int port;
  const int a = bound(&port);
  const int b = server.udp(kOwner, "", 0);
  for (std::size_t size : {0u, 1u, 1000u, 40000u, 60000u}) {
    EXPECT_TRUE(send_to(b, binary("127.0.0.1", port), std::string(size, 'x')));
    EXPECT_EQ(host.take(kSocketUdp, a).data.size(), size);
  }
}

TEST_F(SocketUdpTest, WhatIsTooLargeIsLostWithALogLine) {
  int port;
  bound(&port);
  const int b = server.udp_dial(kOwner, "127.0.0.1", port);
  EXPECT_TRUE(send(b, std::string(70000, 'x')));
  EXPECT_EQ(host.log_count("sendto error Message too long."), 1u);
}

TEST_F(SocketUdpTest, ADefaultDestinationIsNeededAndCanBeChanged) {
  int port_a, port_b;
  const int a = bound(&port_a);
  const int c = server.udp(kOwner, "", 0);
  EXPECT_FALSE(send(c, "x"));
  EXPECT_EQ(
      host.log_count("socket-server : set udp (" + std::to_string(c) + ") error: address first."),
      1u);
  EXPECT_TRUE(server.udp_connect(c, "127.0.0.1", port_a));
  EXPECT_TRUE(send(c, "to a"));
  EXPECT_EQ(host.take(kSocketUdp, a).data, "to a");
  const int b = bound(&port_b);
  EXPECT_TRUE(server.udp_connect(c, "localhost", port_b))
      << "the address of the socket's family is taken";
  EXPECT_TRUE(send(c, "to b"));
  EXPECT_EQ(host.take(kSocketUdp, b).data, "to b");
}

TEST_F(SocketUdpTest, AWrongFamilyIsRefused) {
  const int id = server.udp(kOwner, "", 0);
  EXPECT_TRUE(server.udp_connect(id, "::1", 9));
  EXPECT_EQ(host.take(kSocketError, id).data, "protocol mismatch");
  EXPECT_FALSE(send_to(id, binary("::1", 9), "x"));
  EXPECT_FALSE(send_to(id, "\x09zzzzzz", "x"));
  EXPECT_FALSE(send_to(id, "", "x"));
}

TEST_F(SocketUdpTest, FailuresAreTold) {
  EXPECT_EQ(server.udp_listen(kOwner, "127.0.0.1", 0), -1);
  EXPECT_EQ(server.udp_listen(kOwner, "no such host.invalid", 5), -1);
  EXPECT_EQ(server.udp(kOwner, "no such host.invalid", 5), -1);
  EXPECT_EQ(server.udp_dial(kOwner, "no such host.invalid", 5), -1);
  EXPECT_FALSE(server.udp_connect(0x7ffffff0, "127.0.0.1", 5));
  EXPECT_FALSE(send_to(0x7ffffff0, binary("127.0.0.1", 5), "x"));
}

TEST_F(SocketUdpTest, SpeaksIPv6) {
  const int id = server.udp(kOwner, "::1", 0);
  ASSERT_GT(id, 0);
  const int other = server.udp_dial(kOwner, "::1", 9);
  EXPECT_TRUE(send(other, "x"));
  server.close(id);
  host.take(kSocketClose, id);
}

TEST_F(SocketUdpTest, ADestinationThatRefusesDoesNotEndTheSocket) {
  int port;
  const int a = bound(&port);
  const int b = server.udp_dial(kOwner, "127.0.0.1", 9);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(send(b, "nobody"));
  EXPECT_TRUE(send_to(b, binary("127.0.0.1", port), "somebody"));
  EXPECT_EQ(host.take(kSocketUdp, a).data, "somebody");
}

TEST_F(SocketUdpTest, ClosingIsTold) {
  int port;
  const int id = bound(&port);
  EXPECT_EQ(server.info()[0].kind, SocketInfo::Kind::udp);
  server.close(id);
  host.take(kSocketClose, id);
  EXPECT_TRUE(eventually([&] { return server.info().empty(); }));
  EXPECT_FALSE(send(id, "x"));
}

TEST_F(SocketUdpTest, ADeadOwnersSocketReadsNothingMore) {
  int port;
  const int a = bound(&port);
  const int b = server.udp_dial(2, "127.0.0.1", port);
  host.kill(kOwner);
  EXPECT_TRUE(send(b, "lost"));
  EXPECT_TRUE(eventually([&] {
    for (const SocketInfo& one : server.info()) {
      if (one.id == a) return !one.reading;
    }
    return false;
  }));
  server.start(2, a);
  EXPECT_TRUE(send(b, "found"));
  EXPECT_EQ(host.take(kSocketUdp, a).data, "found");
}

}  // namespace
}  // namespace runtime
