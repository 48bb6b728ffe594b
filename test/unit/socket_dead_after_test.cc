// How long a silent peer is waited for, what waits to be sent, and what has arrived.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "socket_server_fixture.h"

namespace runtime {
namespace {

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(DeadAfter, SetsKeepAliveAndTheTimeOfWhatIsNotAcknowledged) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  for (const int seconds : {1, 10, 3600}) {
    set_dead_after(fd, seconds);
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), seconds * 1000);
    const int idle = option(fd, IPPROTO_TCP, TCP_KEEPIDLE);
    const int probes =
        option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT);
    EXPECT_GE(idle, 1);
    EXPECT_LE(idle + probes, seconds + 3) << "an idle connection is noticed as soon";
  }
  close(fd);
}

TEST_F(SocketServerTest, DeadAfterIsTakenBeforeAndAfterTheConnectionAndForNobody) {
  const int listening = listener();
  const int client = server.connect(kOwner, "127.0.0.1", port_);
  server.dead_after(client, 5);
  host.take(kSocketConnect, client);
  server.dead_after(client, 6);
  server.dead_after(listening, 5);
  server.dead_after(123456, 5);
  server.dead_after(client, 0);
  EXPECT_TRUE(send(client, "still there"));
}

TEST_F(SocketServerTest, UnsentTellsWhatThePeerHasNotTaken) {
  RawPeer peer;
  const int id = with_raw(peer);
  EXPECT_EQ(server.unsent(id), 0u);
  const std::string block(1 << 20, 'x');
  // Nobody reads: the kernel takes some megabytes, then they stay here.
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(send(id, block));
  EXPECT_GT(server.unsent(id), block.size());
  server.shutdown(id);
  EXPECT_EQ(server.unsent(123456), 0u);
}

TEST_F(SocketServerTest, ProgressTellsWhatHasArrivedAndHowLongTheNetworkWasBusy) {
  RawPeer peer;
  const int id = with_raw(peer);
  const auto before = server.progress(id);
  ASSERT_TRUE(before);
  EXPECT_TRUE(send(id, std::string(100'000, 'x')));
  EXPECT_EQ(peer.receive(100'000).size(), 100'000u);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (server.progress(id)->bytes < before->bytes + 100'000 &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(server.progress(id)->bytes, before->bytes + 100'000);
  // Nobody reads: something is under way from now on.
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(send(id, block));
  const std::uint64_t busy = server.progress(id)->busy_us;
  while (server.progress(id)->busy_us == busy && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_GT(server.progress(id)->busy_us, busy);
  server.shutdown(id);
  EXPECT_FALSE(server.progress(123456));
  EXPECT_FALSE(server.progress(listener())) << "nothing is sent there";
}

}  // namespace
}  // namespace runtime
