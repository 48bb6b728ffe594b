// The socket server as a whole: reading, foreign descriptors, limits, its threads, what it tells of
// itself.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "socket_server_fixture.h"

namespace runtime {
namespace {

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
    for (std::size_t i = 0; i < bytes.size(); i += 997)
      same &= bytes[i] == piece[(got + i) % piece.size()];
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
