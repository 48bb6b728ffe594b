// Ids that nobody holds: given away, accepted and never started, left behind by services that have ended. None of them
// may stay with its descriptor.
#include <dirent.h>

#include "socket_server_fixture.h"

namespace runtime {
namespace {

int descriptors() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// Ids wait for their next owner as long as in a node: whoever comes in time gets them.
class PatientServerTest : public SocketServerTest {};

// Ids hardly wait at all: to see that they end.
class HastyServerTest : public SocketServerTest {
 protected:
  HastyServerTest() : SocketServerTest(1, 65536, std::chrono::milliseconds(20)) {}

  // An accepted id of `listening` that nobody has started.
  int accepted(int listening, RawPeer& peer) {
    peer.connect(port_);
    return host.take(kSocketAccept, listening).ud;
  }
  void end_service(Handle handle) {
    host.kill(handle);
    server.service_ended(handle);
  }
};

// ---- handed over -------------------------------------------------------------------------------

TEST_F(PatientServerTest, AStartAfterThePeersEndFreesTheIdThatWasHandedOver) {
  RawPeer peer;
  const int id = with_raw(peer);
  peer.close();
  host.take(kSocketClose, id);
  server.start(kOther, id);
  const TestEvent answer = host.take(kSocketError, id);
  EXPECT_EQ(answer.to, kOther);
  EXPECT_EQ(answer.data, "socket closed");
  EXPECT_TRUE(eventually([&] { return !info(id); }));
}

TEST_F(PatientServerTest, AStartAfterThePeersEndFreesTheIdThatItsOwnerHadGivenAway) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.abandon(kOwner, id);
  peer.close();
  host.take(kSocketClose, id);
  server.start(kOwner, id);
  EXPECT_EQ(host.take(kSocketError, id).data, "socket closed");
  EXPECT_TRUE(eventually([&] { return !info(id); }));
}

TEST_F(PatientServerTest, WhatIsQueuedLeavesBeforeAnIdWhoseStartFailedIsClosed) {
  RawPeer peer;
  const int id = with_raw(peer);
  peer.end_writing();
  host.take(kSocketClose, id);
  const std::string bytes = blob(16 << 20);
  EXPECT_TRUE(send(id, bytes));
  server.abandon(kOwner, id);
  server.start(kOther, id);
  host.take(kSocketError, id);
  EXPECT_EQ(peer.receive_all(), bytes);
}

TEST_F(HastyServerTest, AnAbandonedIdThatNobodyStartsIsFreedAfterItsPeersEnd) {
  RawPeer before, after, paused;
  const int ended_before = with_raw(before), ended_after = with_raw(after),
            ended_paused = with_raw(paused);
  before.close();
  host.take(kSocketClose, ended_before);
  for (const int id : {ended_before, ended_after}) server.abandon(kOwner, id);
  server.pause(ended_paused);
  server.abandon(kOwner, ended_paused);
  after.close();
  paused.close();
  for (const int id : {ended_before, ended_after, ended_paused}) {
    EXPECT_TRUE(eventually([&] { return !info(id); })) << id;
  }
}

TEST_F(HastyServerTest, AnAbandonedIdStaysWhileItsPeerDoes) {
  RawPeer peer, other;
  const int id = with_raw(peer), gone = with_raw(other);
  server.abandon(kOwner, id);
  server.abandon(kOwner, gone);
  other.close();
  ASSERT_TRUE(eventually([&] { return !info(gone); }));
  server.start(kOther, id);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "transfer");
  peer.send("hello");
  EXPECT_EQ(host.gather(id, 5), "hello");
}

TEST_F(PatientServerTest, OnlyTheOwnerGivesAnIdAway) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.start(kOther, id);
  host.take(kSocketConnect, id);
  server.abandon(kOwner, id);
  peer.end_writing();
  host.take(kSocketClose, id);
  server.start(kOther, id);  // an id that is held: its owner may still write to it
  EXPECT_EQ(host.take(kSocketError, id).data, "socket closed");
  EXPECT_TRUE(send(id, "still here"));
  EXPECT_EQ(peer.receive(10), "still here");
}

// ---- accepted, never started -------------------------------------------------------------------

TEST_F(HastyServerTest, AnAcceptedIdThatNobodyStartsIsFreedAfterItsPeersEnd) {
  const int listening = listener();
  const int before = descriptors();
  RawPeer early, late;
  accepted(listening, early);
  accepted(listening, late);
  EXPECT_EQ(descriptors(), before + 4);
  early.close();
  late.reset();
  EXPECT_TRUE(eventually([&] { return descriptors() == before; }));
}

TEST_F(PatientServerTest, AnAcceptedIdWhosePeerHasEndedStillHasItsBytesForWhoeverStartsIt) {
  const int listening = listener();
  RawPeer peer;
  peer.connect(port_);
  const int id = host.take(kSocketAccept, listening).ud;
  peer.send("one request");
  peer.end_writing();
  server.start(kOther, id);
  EXPECT_EQ(host.gather(id, 11), "one request");
  host.take(kSocketClose, id);
  EXPECT_TRUE(send(id, "answer"));
  EXPECT_EQ(peer.receive(6), "answer");
}

TEST_F(PatientServerTest, ThePeerOfAnAcceptedIdThatIsClosedUnstartedSeesTheEnd) {
  const int listening = listener();
  RawPeer peer;
  peer.connect(port_);
  const int id = host.take(kSocketAccept, listening).ud;
  peer.send("unread");
  ASSERT_TRUE(peer.sent_everything());
  server.close_unstarted(kOther, id);  // is not its to close
  EXPECT_TRUE(send(id, "full"));
  server.close_unstarted(kOwner, id);
  EXPECT_EQ(peer.receive(4), "full");
  EXPECT_TRUE(peer.receive_end());
}

TEST_F(PatientServerTest, AStartedIdIsNotClosedAsUnstarted) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.close_unstarted(kOwner, id);
  EXPECT_TRUE(send(id, "here"));
  EXPECT_EQ(peer.receive(4), "here");
}

// ---- dead owners -------------------------------------------------------------------------------

TEST_F(PatientServerTest, TheListenerOfAnEndedServiceIsClosedAtOnce) {
  const int listening = listener();
  server.service_ended(kOwner);
  EXPECT_TRUE(eventually([&] { return !info(listening); }));
  const int again = server.listen(kOther, "127.0.0.1", port_, 128);
  EXPECT_GT(again, 0) << "the port is still in use";
}

TEST_F(PatientServerTest, AListenerThatWasGivenAwayOutlivesItsOwner) {
  const int listening = listener();
  server.abandon(kOwner, listening);
  host.kill(kOwner);
  server.service_ended(kOwner);
  server.start(kOther, listening);
  RawPeer peer;
  peer.connect(port_);
  EXPECT_EQ(host.take(kSocketAccept, listening).to, kOther);
}

TEST_F(PatientServerTest, AnotherServiceMayStartTheIdOfAnEndedService) {
  RawPeer peer;
  const int id = with_raw(peer);
  host.kill(kOwner);
  server.service_ended(kOwner);
  ASSERT_TRUE(eventually([&] { return !info(id)->reading; }));
  peer.send("kept");
  server.start(kOther, id);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "transfer");
  EXPECT_EQ(host.gather(id, 4), "kept");
}

TEST_F(HastyServerTest, WhatAnEndedServiceLeavesBehindIsClosed) {
  server.close(listener());  // the I/O thread has started, with its descriptors
  ASSERT_TRUE(eventually([&] { return server.info().empty(); }));
  const int before = descriptors();
  RawPeer started, idle, silent;
  const int listening = listener();
  const int id = accepted(listening, started);
  server.start(kOwner, id);
  host.take(kSocketConnect, id);
  accepted(listening, idle);
  accepted(listening, silent);
  server.close(listening);
  host.take(kSocketClose, listening);
  EXPECT_GT(server.udp(kOwner, "127.0.0.1", 0), 0);
  // Nobody answers there, so it stays in progress.
  const int connecting = server.connect(kOwner, "203.0.113.1", 9);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const int bound = server.bind(kOwner, pipe_ends[0]);
  EXPECT_TRUE(send(id, "the last"));
  end_service(kOwner);
  EXPECT_EQ(started.receive(8), "the last");
  EXPECT_TRUE(started.receive_end());
  EXPECT_TRUE(idle.receive_end());
  EXPECT_TRUE(eventually([&] { return !send(connecting, "x") && !info(bound); }));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  for (RawPeer* peer : {&started, &idle, &silent}) peer->close();
  EXPECT_TRUE(eventually([&] { return descriptors() == before; }));
  EXPECT_TRUE(server.info().empty());
}

TEST_F(HastyServerTest, AnIdThatADyingServiceStartedIsClosed) {
  RawPeer peer;
  const int id = with_raw(peer);
  host.kill(kOther);
  server.start(kOther, id);
  EXPECT_TRUE(peer.receive_end());
  EXPECT_TRUE(eventually([&] { return !info(id); }));
}

}  // namespace
}  // namespace runtime
