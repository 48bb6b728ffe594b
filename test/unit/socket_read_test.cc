// What a connection brings, however it comes: the poller tells of new bytes only, once.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "raw_peer.h"
#include "socket_server_fixture.h"

namespace runtime {
namespace {

constexpr std::size_t kBlock = 64 * 1024;  // what one read takes at most

class SocketReadTest : public SocketServerTest {
 protected:
  // The id of a connection that nobody has started: what the peer sends waits.
  int accepted(RawPeer& peer) {
    const int listening = listener();
    peer.connect(port_);
    const int id = host.take(kSocketAccept, listening).ud;
    server.close(listening);
    return id;
  }
  // As much of what the peer has sent as the kernel takes before somebody reads.
  static void let_it_come() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
};

TEST_F(SocketReadTest, BytesAndTheEndThatHaveComeTogetherAreBothTold) {
  for (const std::size_t size : {std::size_t{1}, kBlock - 1, kBlock, kBlock + 1, 3 * kBlock}) {
    RawPeer peer;
    const int id = accepted(peer);
    peer.send(blob(size));
    peer.end_writing();
    let_it_come();
    server.start(kOwner, id);
    EXPECT_EQ(host.gather(id, size), blob(size));
    host.take(kSocketClose, id);
    server.close(id);
  }
}

TEST_F(SocketReadTest, MoreThanFitsOneReadIsReadWithoutAnotherEvent) {
  RawPeer peer;
  const int id = accepted(peer);
  for (const std::size_t size : {kBlock, 3 * kBlock, kBlock + 1, 2 * kBlock}) {
    peer.send(blob(size));
    let_it_come();
    server.start(kOwner, id);
    EXPECT_EQ(host.gather(id, size), blob(size));
    server.pause(id);
  }
}

// A read ends in front of it, though more has come.
TEST_F(SocketReadTest, AnUrgentByteHoldsNothingUp) {
  RawPeer peer;
  const int id = accepted(peer);
  peer.send("before");
  peer.send_urgent('!');
  peer.send("after");
  ASSERT_TRUE(peer.sent_everything());
  server.start(kOwner, id);
  EXPECT_EQ(host.gather(id, 11), "beforeafter");
  for (int i = 0; i < 200; ++i) {
    peer.send("before");
    peer.send_urgent('!');
    peer.send("after");
    ASSERT_EQ(host.gather(id, 11), "beforeafter");
  }
}

TEST_F(SocketReadTest, WhatHasComeWhileNobodyReadIsGivenToTheNextOwner) {
  RawPeer peer;
  const int id = with_raw(peer);
  peer.send("one");
  EXPECT_EQ(host.gather(id, 3), "one");
  server.pause(id);
  peer.send("two");
  ASSERT_TRUE(peer.sent_everything());
  EXPECT_EQ(host.count(kSocketData, id), 0u);
  server.start(kOther, id);
  const TestEvent event = host.take(kSocketData, id);
  EXPECT_EQ(event.data, "two");
  EXPECT_EQ(event.to, kOther);
  peer.send("three");
  EXPECT_EQ(host.gather(id, 5), "three");
}

TEST_F(SocketReadTest, AConnectionIsReadWhileAWriteWaitsAndAfterIt) {
  RawPeer peer;
  const int id = with_raw(peer);
  const std::string much = blob(32 * 1024 * 1024);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(send(id, much));
    ASSERT_TRUE(eventually([&] { return info(id)->writing; }));
    peer.send("meanwhile");
    EXPECT_EQ(host.gather(id, 9), "meanwhile");
    ASSERT_EQ(peer.receive(much.size()), much);
    ASSERT_TRUE(eventually([&] { return !info(id)->writing; }));
    peer.send(blob(2 * kBlock));
    EXPECT_EQ(host.gather(id, 2 * kBlock), blob(2 * kBlock));
  }
}

// Several connections that are read.
class ManyReadTest : public SocketReadTest {
 protected:
  ManyReadTest() {
    for (RawPeer& peer : peers) ids.push_back(accepted(peer));
    start_all(kOwner);
  }
  void start_all(Handle owner) {
    for (const int id : ids) {
      server.start(owner, id);
      EXPECT_EQ(host.take(kSocketConnect, id).to, owner);
    }
  }
  // What the peers do comes while the I/O thread is held up by the first of it.
  template <class Act>
  void together(Act act) {
    const auto held = host.hold();
    for (RawPeer& peer : peers) act(peer);
    let_it_come();
  }

  std::array<RawPeer, 8> peers;
  std::vector<int> ids;
};

TEST_F(ManyReadTest, WhatCameOfSeveralIsPostedTogether) {
  together([&](RawPeer& peer) { peer.send(std::to_string(&peer - peers.data())); });
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(host.take(kSocketData, ids[i]).data, std::to_string(i));
  }
  EXPECT_GT(host.most_together(), 1u);
}

TEST_F(ManyReadTest, AnEndAmongThemComesAfterTheBytes) {
  together([](RawPeer& peer) {
    peer.send("last words");
    peer.end_writing();
  });
  for (const int id : ids) {
    host.take(kSocketClose, id);
    EXPECT_EQ(host.count(kSocketData, id), 1u);
  }
}

TEST_F(ManyReadTest, OfADeadOwnerAllWaitForTheNext) {
  host.kill(kOwner);
  together([](RawPeer& peer) { peer.send("lost"); });
  for (const int id : ids) EXPECT_TRUE(eventually([&] { return !info(id)->reading; }));
  start_all(kOther);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    peers[i].send("kept");
    EXPECT_EQ(host.gather(ids[i], 4), "kept");
  }
}

TEST_F(SocketReadTest, NothingIsGivenAfterAClose) {
  for (int i = 0; i < 50; ++i) {
    RawPeer peer;
    const int id = with_raw(peer);
    server.close(id);
    peer.send("too late");
    host.take(kSocketClose, id);
    EXPECT_EQ(host.count(kSocketData, id), 0u);
  }
}

}  // namespace
}  // namespace runtime
