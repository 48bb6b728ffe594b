// TCP through the socket server: connecting, accepting, who reads what.
#include "socket_server_fixture.h"

namespace runtime {
namespace {

// ---- connecting and accepting ------------------------------------------------------------------

TEST_F(SocketServerTest, ListenTellsTheAddressAndThePortThatTheSystemChose) {
  const int id = server.listen(kOwner, "", 0, 32);
  const TestEvent event = host.take(kSocketConnect, id);
  EXPECT_EQ(event.data, "0.0.0.0");
  EXPECT_GT(event.ud, 0);
  EXPECT_EQ(event.to, kOwner);
}

TEST_F(SocketServerTest, APortInUseOrABadHostCannotBeListenedTo) {
  listener();
  EXPECT_EQ(server.listen(kOwner, "127.0.0.1", port_, 32), -1);
  EXPECT_EQ(server.listen(kOwner, "no such host.invalid", 0, 32), -1);
}

TEST_F(SocketServerTest, ConnectionsAreToldToBothSides) {
  const int listening = listener();
  const int client = server.connect(kOther, "127.0.0.1", port_);
  const TestEvent connected = host.take(kSocketConnect, client);
  EXPECT_EQ(connected.data, "127.0.0.1");
  EXPECT_EQ(connected.to, kOther);
  const TestEvent accepted = host.take(kSocketAccept, listening);
  EXPECT_EQ(accepted.to, kOwner);
  EXPECT_EQ(accepted.data.rfind("127.0.0.1:", 0), 0u) << accepted.data;
}

TEST_F(SocketServerTest, SpeaksIPv6) {
  const int listening = server.listen(kOwner, "::1", 0, 32);
  ASSERT_GT(listening, 0);
  const TestEvent bound = host.take(kSocketConnect, listening);
  EXPECT_EQ(bound.data, "::1");
  server.start(kOwner, listening);
  const int client = server.connect(kOwner, "::1", bound.ud);
  EXPECT_EQ(host.take(kSocketConnect, listening).data, "start");
  EXPECT_EQ(host.take(kSocketConnect, client).data, "::1");
  EXPECT_EQ(host.take(kSocketAccept, listening).data.rfind("::1:", 0), 0u);
}

TEST_F(SocketServerTest, AnAcceptedIdReadsNothingBeforeItsStart) {
  const int listening = listener();
  RawPeer peer;
  peer.connect(port_);
  peer.send("early");
  const int id = host.take(kSocketAccept, listening).ud;
  EXPECT_FALSE(info(id)) << "not connected yet as far as anybody knows";
  server.start(kOther, id);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "start");
  const TestEvent data = host.take(kSocketData, id);
  EXPECT_EQ(data.data, "early");
  EXPECT_EQ(data.to, kOther) << "start takes the ownership";
}

TEST_F(SocketServerTest, ARefusedConnectIsAnErrorWithTheSystemsText) {
  listener();
  const int closed_port = free_port();
  const int id = server.connect(kOwner, "127.0.0.1", closed_port);
  EXPECT_EQ(host.take(kSocketError, id).data, "Connection refused");
  EXPECT_FALSE(send(id, "x"));
}

TEST_F(SocketServerTest, ANameWithSeveralAddressesIsTriedInOrder) {
  // localhost is ::1 and 127.0.0.1 on most systems; only the second one listens.
  listener();
  const int id = server.connect(kOwner, "localhost", port_);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "127.0.0.1");
}

TEST_F(SocketServerTest, AnUnknownNameIsAnErrorWithTheResolversText) {
  const int id = server.connect(kOwner, "no such host.invalid", 80);
  ASSERT_GT(id, 0);
  EXPECT_FALSE(host.take(kSocketError, id).data.empty());
}

TEST_F(SocketServerTest, APortAboveTheHighestIsAnError) {
  listener();
  const int client = server.connect(kOther, "127.0.0.1", 65536 + port_);
  EXPECT_EQ(host.take(kSocketError, client).data, "invalid port " + std::to_string(65536 + port_));
  EXPECT_EQ(server.listen(kOwner, "127.0.0.1", 65536, 32), -1);
  EXPECT_EQ(server.udp(kOwner, "127.0.0.1", 65536), -1);
}

TEST_F(SocketServerTest, AHostThatIsTooLongIsRefusedAtOnce) {
  EXPECT_EQ(server.connect(kOwner, std::string(232, 'a'), 80), -1);
  EXPECT_EQ(host.log_count("socket-server error: Invalid addr "), 1u);
}

TEST_F(SocketServerTest, BytesSentBeforeTheConnectEventAreKept) {
  const int listening = listener();
  const int client = server.connect(kOwner, "127.0.0.1", port_);
  EXPECT_TRUE(send(client, "sent early"));
  const int id = host.take(kSocketAccept, listening).ud;
  server.start(kOwner, id);
  EXPECT_EQ(host.gather(id, 10), "sent early");
}

TEST_F(SocketServerTest, ClosingAConnectThatIsUnderWaySendsWhatItHasFirst) {
  const int listening = listener();
  const int client = server.connect(kOwner, "127.0.0.1", port_);
  EXPECT_TRUE(send(client, "last words"));
  server.close(client);
  host.take(kSocketClose, client);
  const int id = host.take(kSocketAccept, listening).ud;
  server.start(kOwner, id);
  EXPECT_EQ(host.gather(id, 10), "last words");
  host.take(kSocketClose, id);
}

TEST_F(SocketServerTest, IdsGoUpAndAreNotUsedAgain) {
  int last = 0;
  const int port = free_port();
  for (int i = 0; i < 50; ++i) {
    const int id = server.connect(kOwner, "127.0.0.1", port);
    EXPECT_EQ(id, last + 1);
    host.take(kSocketError, id);
    last = id;
  }
}

// ---- start, pause, transfer --------------------------------------------------------------------

TEST_F(SocketServerTest, StartAnswersForWhatItFinds) {
  const auto [client, accepted] = pair();
  server.start(kOwner, client);
  EXPECT_EQ(host.take(kSocketConnect, client).data, "transfer");
  server.start(kOther, client);
  const TestEvent moved = host.take(kSocketConnect, client);
  EXPECT_EQ(moved.data, "transfer");
  EXPECT_EQ(moved.to, kOther);
  send(accepted, "for the other");
  EXPECT_EQ(host.take(kSocketData, client).to, kOther);
  server.start(kOther, 0x7ffffff0);
  EXPECT_EQ(host.take(kSocketError, 0x7ffffff0).data, "invalid socket");
}

TEST_F(SocketServerTest, APausedIdReadsNothingUntilItsStart) {
  const auto [client, accepted] = pair();
  server.pause(accepted);
  EXPECT_FALSE(info(accepted)->reading);
  send(client, "later");
  ASSERT_TRUE(eventually([&] { return info(client)->unsent == 0; }));
  EXPECT_EQ(host.count(kSocketData, accepted), 0u);
  server.start(kOwner, accepted);
  EXPECT_EQ(host.gather(accepted, 5), "later");
}

TEST_F(SocketServerTest, PauseAndStartOfOneThreadTakeEffectInOrder) {
  const auto [client, accepted] = pair();
  for (int i = 0; i < 200; ++i) {
    server.start(i % 2 == 0 ? kOther : kOwner, accepted);
    server.pause(accepted);
  }
  for (int i = 0; i < 200; ++i) host.take(kSocketConnect, accepted);
  ASSERT_TRUE(eventually([&] { return !info(accepted)->reading; }));
  send(client, "x");
  server.start(kOther, accepted);
  EXPECT_EQ(host.take(kSocketData, accepted).to, kOther);
}

}  // namespace
}  // namespace runtime
