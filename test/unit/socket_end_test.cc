// How sockets of the socket server end: by their peers, by their owners, with their owners.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "socket_server_fixture.h"

namespace runtime {
namespace {

// ---- ends --------------------------------------------------------------------------------------

TEST_F(SocketServerTest, ThePeersEndComesOnceAfterItsBytesAndWritingStillWorks) {
  RawPeer peer;
  const int id = with_raw(peer);
  peer.send("bye");
  peer.end_writing();
  host.take(kSocketClose, id);
  EXPECT_EQ(host.gather(id, 3), "bye");
  EXPECT_EQ(info(id)->kind, SocketInfo::Kind::closing);
  EXPECT_TRUE(send(id, "and you"));
  EXPECT_EQ(peer.receive(7), "and you");
  server.start(kOwner, id);
  EXPECT_EQ(host.take(kSocketError, id).data, "socket closed");
  server.close(id);
  EXPECT_TRUE(peer.receive_end());
  EXPECT_EQ(host.order(id), "") << "no second close";
}

TEST_F(SocketServerTest, AResetIsAnErrorAfterTheBytesBeforeIt) {
  RawPeer peer;
  const int id = with_raw(peer);
  peer.send("last");
  EXPECT_EQ(host.gather(id, 4), "last");
  peer.reset();
  EXPECT_EQ(host.take(kSocketError, id).data, "Connection reset by peer");
  EXPECT_FALSE(send(id, "x"));
}

TEST_F(SocketServerTest, WritingToAPeerThatHasGoneEndsTheIdQuietlyAfterItsCloseEvent) {
  RawPeer peer;
  const int id = with_raw(peer);
  peer.close();
  host.take(kSocketClose, id);
  EXPECT_TRUE(eventually([&] { return !send(id, "anybody there?"); }));
  EXPECT_TRUE(eventually([&] { return !info(id); }));
  EXPECT_EQ(host.count(kSocketError, id), 0u);
  server.start(kOwner, id);
  EXPECT_EQ(host.take(kSocketError, id).data, "invalid socket");
}

TEST_F(SocketServerTest, AFailedWriteOfAPausedIdIsAnError) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.pause(id);
  peer.reset();
  EXPECT_TRUE(eventually([&] { return !send(id, "x"); }));
  const std::string text = host.take(kSocketError, id).data;
  EXPECT_TRUE(text == "Connection reset by peer" || text == "Broken pipe") << text;
}

TEST_F(SocketServerTest, APeerThatDoesNotReadIsCutBeyondTheSendLimit) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.send_limit(id, 1 << 20);
  const std::string block(100'000, 'x');
  int sent = 0;
  while (send(id, block) && sent < 1000) ++sent;
  EXPECT_GT(sent, 10) << "as much as the limit may wait";
  EXPECT_LT(sent, 1000);
  EXPECT_EQ(host.take(kSocketError, id).data, std::strerror(ENOBUFS));
  EXPECT_TRUE(eventually([&] { return !info(id); }));
}

TEST_F(SocketServerTest, CloseTellsBothSidesAndRefusesSends) {
  const auto [client, accepted] = pair();
  server.close(client);
  EXPECT_FALSE(send(client, "x"));
  host.take(kSocketClose, client);
  host.take(kSocketClose, accepted);
  server.close(client);  // nothing
  server.close(0x7ffffff0);
  server.shutdown(0x7ffffff0);
  server.pause(0x7ffffff0);
  server.nodelay(0x7ffffff0);
  server.close(accepted);
  EXPECT_TRUE(eventually([&] { return server.info().empty(); }));
  EXPECT_EQ(host.count(kSocketClose, client), 0u);
}

TEST_F(SocketServerTest, APortIsFreeAgainWhenItsCloseIsTold) {
  int id = listener();
  for (int i = 0; i < 200; ++i) {
    server.close(id);
    host.take(kSocketClose, id);
    id = server.listen(kOwner, "127.0.0.1", port_, 32);
    ASSERT_GT(id, 0) << i;
  }
}

TEST_F(SocketServerTest, CloseSendsEverythingFirst) {
  const auto [client, accepted] = pair();
  const std::string bytes = blob(8 << 20);
  EXPECT_TRUE(send(client, bytes));
  server.close(client);
  host.take(kSocketClose, client);
  EXPECT_TRUE(host.gather(accepted, bytes.size()) == bytes);
  host.take(kSocketClose, accepted);
}

// The writer is held up in the kernel while the I/O thread learns of the close: what it does not get rid of then
// is still sent.
TEST_F(SocketServerTest, CloseWhileAnotherThreadWritesLosesNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int id = server.bind(kOwner, ends[1]);
  host.take(kSocketConnect, id);
  const int flags = fcntl(ends[1], F_GETFL);
  ASSERT_EQ(fcntl(ends[1], F_SETFL, flags & ~O_NONBLOCK), 0);
  struct sigaction interrupt = {};
  interrupt.sa_handler = [](int) {};
  struct sigaction before;
  ASSERT_EQ(sigaction(SIGUSR1, &interrupt, &before), 0);

  const std::string bytes = blob(300'000);
  std::thread writer([&] { EXPECT_TRUE(send(id, bytes)); });
  int in_pipe = 0;
  EXPECT_TRUE(eventually([&] { return ioctl(ends[0], FIONREAD, &in_pipe) == 0 && in_pipe > 0; }));
  server.close(id);
  host.take(kSocketClose, id);
  EXPECT_EQ(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK), 0);
  std::atomic<bool> left = false;
  std::thread interrupter([&] {
    while (!left) {
      pthread_kill(writer.native_handle(), SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::string received;
  char block[65536];
  pollfd readable = {ends[0], POLLIN, 0};
  while (received.size() < bytes.size() && poll(&readable, 1, 2000) == 1) {
    const ssize_t count = read(ends[0], block, sizeof(block));
    if (count <= 0) break;
    received.append(block, static_cast<std::size_t>(count));
  }
  left = true;
  interrupter.join();
  writer.join();
  EXPECT_TRUE(received == bytes) << received.size();
  EXPECT_TRUE(eventually([&] { return !info(id); }));
  sigaction(SIGUSR1, &before, nullptr);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(SocketServerTest, ShutdownDropsWhatIsQueued) {
  RawPeer peer;
  const int id = with_raw(peer);
  EXPECT_TRUE(send(id, blob(16 << 20)));
  server.shutdown(id);
  host.take(kSocketClose, id);
  EXPECT_FALSE(info(id));
  EXPECT_LT(peer.receive_all().size(), 16u << 20);
}

TEST_F(SocketServerTest, ShutdownCutsACloseThatIsWaitingForASlowPeer) {
  RawPeer peer;
  const int id = with_raw(peer);
  EXPECT_TRUE(send(id, blob(16 << 20)));
  server.close(id);
  host.take(kSocketClose, id);
  EXPECT_EQ(info(id)->kind, SocketInfo::Kind::closing);
  server.shutdown(id);
  EXPECT_TRUE(eventually([&] { return !info(id); }));
  EXPECT_EQ(host.count(kSocketClose, id), 0u);
}

TEST_F(SocketServerTest, BytesThatNobodyReadDoNotResetTheConnectionOnClose) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.pause(id);
  peer.send(std::string(1000, 'x'));
  ASSERT_TRUE(peer.sent_everything());
  EXPECT_TRUE(send(id, "no, thanks"));
  server.close(id);
  EXPECT_EQ(peer.receive(10), "no, thanks");
  EXPECT_TRUE(peer.receive_end());
}

// ---- dead owners -------------------------------------------------------------------------------

TEST_F(SocketServerTest, AConnectionToADeadListenerIsClosed) {
  const int listening = listener();
  host.kill(kOwner);
  RawPeer peer;
  peer.connect(port_);
  EXPECT_TRUE(peer.receive_end());
  EXPECT_TRUE(info(listening));
}

TEST_F(SocketServerTest, WhoClosesAndWaitsIsToldThoughTheIdHasAnotherOwnerOrHasEnded) {
  RawPeer peer;
  const int id = with_raw(peer);
  server.start(kOther, id);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "transfer");
  server.close_for(kOwner, id);
  const std::set<Handle> told = {host.take(kSocketClose, id).to, host.take(kSocketClose, id).to};
  EXPECT_EQ(told, (std::set<Handle>{kOwner, kOther}));
  EXPECT_TRUE(peer.receive_end());
  ASSERT_TRUE(eventually([&] { return !info(id); }));
  server.close_for(kOwner, id);
  EXPECT_EQ(host.take(kSocketClose, id).to, kOwner);
}

TEST_F(SocketServerTest, TheIdOfADeadOwnerMayBeStartedByAnother) {
  RawPeer peer;
  const int id = with_raw(peer);
  host.kill(kOwner);
  peer.send("lost");
  ASSERT_TRUE(eventually([&] { return !info(id)->reading; }));
  peer.send("kept");
  server.start(kOther, id);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "transfer");
  EXPECT_EQ(host.gather(id, 4), "kept");
  host.kill(kOther);
  peer.send("lost again");
  ASSERT_TRUE(eventually([&] { return !info(id)->reading; }));
  peer.close();
  EXPECT_TRUE(eventually([&] { return !info(id); })) << "a leak";
}

TEST_F(SocketServerTest, ThePeersEndFreesTheIdOfADeadOwner) {
  RawPeer peer;
  const int id = with_raw(peer);
  host.kill(kOwner);
  peer.close();
  EXPECT_TRUE(eventually([&] { return !info(id); }));
}

}  // namespace
}  // namespace runtime
