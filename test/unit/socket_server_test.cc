// TCP through the socket server: connecting, accepting, reading, ending.
#include "net/socket_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "raw_peer.h"
#include "socket_host.h"

namespace runtime {
namespace {

constexpr Handle kOwner = 1, kOther = 2;

struct Pair {
  int client;
  int server;
};

class SocketServerTest : public testing::Test {
 protected:
  explicit SocketServerTest(int threads = 1, std::uint32_t max_sockets = 65536)
      : server({host.host(), threads, max_sockets}) {}

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

std::string blob(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

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

// ---- reading -----------------------------------------------------------------------------------

TEST_F(SocketServerTest, AGigabyteFitsThroughAPausingReader) {
  // Shortened: what matters is that nothing is lost over many pauses.
  const auto [client, accepted] = pair();
  const std::string piece = blob(1 << 20);
  for (int i = 0; i < 32; ++i) EXPECT_TRUE(send(client, piece));
  std::size_t got = 0;
  bool same = true;
  while (got < 32u << 20) {
    const std::string bytes = host.take(kSocketData, accepted).data;
    ASSERT_FALSE(bytes.empty());
    for (std::size_t i = 0; i < bytes.size(); i += 997) same &= bytes[i] == piece[(got + i) % piece.size()];
    got += bytes.size();
    server.pause(accepted);
    server.start(kOwner, accepted);
    host.take(kSocketConnect, accepted);
  }
  EXPECT_EQ(got, 32u << 20);
  EXPECT_TRUE(same);
}

TEST_F(SocketServerTest, AnOwnerThatAcknowledgesIsNotFlooded) {
  RawPeer peer;
  const int id = with_raw(peer);
  // The first acknowledgement says that the others can be relied on; nothing is counted before it.
  server.acknowledge(id, IoThread::kCountedBytes);
  std::size_t got = 0;
  std::thread sender([&] { peer.send(blob(64 << 20)); });
  ASSERT_TRUE(eventually([&] { return !info(id)->reading; })) << "it reads without an end";
  const std::uint64_t read = info(id)->read;
  while (got < 64u << 20) {
    const std::size_t size = host.take(kSocketData, id).data.size();
    ASSERT_GT(size, 0u);
    got += size;
    server.acknowledge(id, size);
  }
  sender.join();
  EXPECT_LT(read, 32u << 20);
  EXPECT_TRUE(info(id)->reading);
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

TEST_F(SocketServerTest, TheIdOfADeadOwnerStaysUntilItsPeerEnds) {
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

// ---- adopted descriptors -----------------------------------------------------------------------

TEST_F(SocketServerTest, APipeCanBeReadAndIsNotClosed) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const int id = server.bind(kOwner, pipe_fds[0]);
  EXPECT_EQ(host.take(kSocketConnect, id).data, "binding");
  EXPECT_EQ(write(pipe_fds[1], "hello", 5), 5);
  EXPECT_EQ(host.gather(id, 5), "hello");
  EXPECT_EQ(info(id)->kind, SocketInfo::Kind::bound);
  close(pipe_fds[1]);
  host.take(kSocketClose, id);
  server.close(id);
  ASSERT_TRUE(eventually([&] { return !info(id); }));
  EXPECT_EQ(fcntl(pipe_fds[0], F_GETFL) & O_NONBLOCK, 0) << "it is as it was";
  EXPECT_EQ(close(pipe_fds[0]), 0);
}

TEST_F(SocketServerTest, APipeWithoutAReaderIsAnErrorOnWriting) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  signal(SIGPIPE, SIG_IGN);
  const int id = server.bind(kOwner, pipe_fds[1]);
  server.pause(id);
  close(pipe_fds[0]);
  EXPECT_TRUE(send(id, "x"));
  EXPECT_EQ(host.take(kSocketError, id).data, "Broken pipe");
  close(pipe_fds[1]);
}

TEST_F(SocketServerTest, ARegularFileIsReadToItsEnd) {
  char name[] = "/tmp/socket_server_test.XXXXXX";
  const int fd = mkstemp(name);
  const std::string bytes = blob(200000);
  ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  lseek(fd, 0, SEEK_SET);
  const int id = server.bind(kOwner, fd);
  EXPECT_TRUE(host.gather(id, bytes.size()) == bytes);
  host.take(kSocketClose, id);
  close(fd);
  unlink(name);
}

TEST_F(SocketServerTest, ADescriptorThatIsNotOpenIsAnError) {
  const int id = server.bind(kOwner, 987654);
  EXPECT_EQ(host.take(kSocketError, id).data, "Bad file descriptor");
}

// ---- limits ------------------------------------------------------------------------------------

class FewSockets : public SocketServerTest {
 protected:
  FewSockets() : SocketServerTest(1, 4) {}
};

TEST_F(FewSockets, TheNumberOfIdsIsLimitedAndSaidSo) {
  const int listening = listener();
  const int a = server.connect(kOwner, "127.0.0.1", port_);
  host.take(kSocketConnect, a);
  const int accepted = host.take(kSocketAccept, listening).ud;
  const int b = server.connect(kOwner, "127.0.0.1", port_);
  EXPECT_EQ(host.take(kSocketError, listening).data, "reach skynet socket number limit");
  EXPECT_EQ(server.connect(kOwner, "127.0.0.1", port_), -1);
  EXPECT_EQ(server.listen(kOwner, "127.0.0.1", 0, 32), -1);
  EXPECT_EQ(host.log_count("reach skynet socket number limit"), 2u);
  server.close(accepted);
  host.take(kSocketClose, accepted);
  ASSERT_TRUE(eventually([&] { return server.info().size() < 4 && !send(accepted, "x"); }));
  int again = -1;
  ASSERT_TRUE(eventually([&] { return (again = server.listen(kOwner, "127.0.0.1", 0, 32)) > 0; }));
  EXPECT_GT(again, b) << "a new id in the old slot";
}

TEST_F(SocketServerTest, RunningOutOfDescriptorsDropsOneConnectionAndPauses) {
  const int listening = listener();
  RawPeer peers[3];
  peers[0].connect(port_);
  const int first = host.take(kSocketAccept, listening).ud;
  for (RawPeer& peer : peers) peer.open();
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const int next_fd = dup(0);
  close(next_fd);
  const rlimit none = {static_cast<rlim_t>(next_fd), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  peers[1].connect(port_);
  const std::string text = host.take(kSocketError, listening).data;
  peers[2].connect(port_);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(text, "Too many open files");
  EXPECT_TRUE(peers[1].receive_end()) << "it is dropped, not left waiting";
  const int next = host.take(kSocketAccept, listening).ud;
  EXPECT_GT(next, first);
  EXPECT_EQ(host.log_count("Too many open files"), 1u);
}

// ---- the whole ---------------------------------------------------------------------------------

TEST_F(SocketServerTest, AServerWithoutSocketsHasNoThreads) {
  const auto threads = [] {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word == "Threads:") {
        int n;
        status >> n;
        return n;
      }
    }
    return -1;
  };
  const int before = threads();
  EXPECT_FALSE(send(1, "x"));
  server.close(1);
  EXPECT_EQ(threads(), before);
  listener();
  EXPECT_EQ(threads(), before + 1);
  server.stop();
  EXPECT_TRUE(eventually([&] { return threads() == before; }));
  EXPECT_EQ(server.connect(kOwner, "127.0.0.1", 1), -1) << "it has ended";
}

TEST_F(SocketServerTest, AnIdleServerDoesNotWakeUp) {
  pair();
  // The I/O thread is the one named "socket".
  const auto switches = [] {
    long sum = 0;
    for (int task : tasks_of_this_process()) {
      const std::string base = "/proc/self/task/" + std::to_string(task);
      std::string name, word;
      std::ifstream(base + "/comm") >> name;
      if (name != "socket") continue;
      std::ifstream status(base + "/status");
      while (status >> word) {
        if (word == "voluntary_ctxt_switches:" && status >> word) sum += std::stol(word);
      }
    }
    return sum;
  };
  // Idleness is what is measured. On a busy machine the thread may be late with its last work.
  bool idle = false;
  for (int attempt = 0; !idle && attempt < 20; ++attempt) {
    const long before = switches();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    idle = switches() == before;
  }
  EXPECT_TRUE(idle);
}

TEST_F(SocketServerTest, StopSendsWhatTheKernelTakesAndClosesEverything) {
  RawPeer peer;
  const int id = with_raw(peer);
  std::thread worker([&] {
    SocketServer::cork_thread();
    EXPECT_TRUE(send(id, "queued"));
    // The thread ends without flush_thread().
  });
  worker.join();
  server.stop();
  EXPECT_EQ(peer.receive(6), "queued");
  EXPECT_TRUE(peer.receive_end());
}

TEST_F(SocketServerTest, InfoTellsWhatIsKnownOfASocket) {
  const int listening = listener();
  RawPeer peer;
  peer.connect(port_);
  const int id = host.take(kSocketAccept, listening).ud;
  server.start(kOther, id);
  peer.send("12345");
  host.gather(id, 5);
  send(id, "123");
  EXPECT_EQ(peer.receive(3), "123");
  const SocketInfo listen_info = *info(listening);
  EXPECT_EQ(listen_info.kind, SocketInfo::Kind::listen);
  EXPECT_EQ(listen_info.address, "127.0.0.1:" + std::to_string(port_));
  EXPECT_EQ(listen_info.read, 1u);
  const SocketInfo one = *info(id);
  EXPECT_EQ(one.kind, SocketInfo::Kind::tcp);
  EXPECT_EQ(one.owner, kOther);
  EXPECT_EQ(one.read, 5u);
  EXPECT_EQ(one.written, 3u);
  EXPECT_EQ(one.unsent, 0u);
  EXPECT_TRUE(one.reading);
  EXPECT_FALSE(one.writing);
  EXPECT_EQ(one.address, "127.0.0.1:" + std::to_string(peer.local_port()));
  EXPECT_GT(one.read_time, 0u);
  EXPECT_LE(one.read_time, 1'000'000u);
}

class FourThreads : public SocketServerTest {
 protected:
  FourThreads() : SocketServerTest(4) {}
};

TEST_F(FourThreads, ConnectionsSpreadAndWork) {
  const int listening = listener();
  constexpr int kCount = 64;
  std::vector<int> clients;
  for (int i = 0; i < kCount; ++i) clients.push_back(server.connect(kOwner, "127.0.0.1", port_));
  for (int client : clients) {
    host.take(kSocketConnect, client);
    send(client, "hello");
  }
  for (int i = 0; i < kCount; ++i) {
    const int id = host.take(kSocketAccept, listening).ud;
    server.start(kOwner, id);
    EXPECT_EQ(host.gather(id, 5), "hello");
    send(id, "back");
    server.close(id);
  }
  for (int client : clients) {
    EXPECT_EQ(host.gather(client, 4), "back");
    host.take(kSocketClose, client);
  }
}

}  // namespace
}  // namespace runtime
