// Sending through the socket server: both write paths, corking, priorities, warnings, many threads.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/socket_server.h"
#include "raw_peer.h"
#include "socket_host.h"

namespace runtime {
namespace {

constexpr Handle kOwner = 1;
constexpr std::size_t kMega = 1 << 20;

class SocketSendTest : public testing::Test {
 protected:
  SocketSendTest() : server({host.host()}), id(started(peer)) {}

  int started(RawPeer& with) {
    const int listening = server.listen(kOwner, "127.0.0.1", 0, 16);
    const int port = host.take(kSocketConnect, listening).ud;
    server.start(kOwner, listening);
    with.connect(port);
    const int accepted = host.take(kSocketAccept, listening).ud;
    server.start(kOwner, accepted);
    server.close(listening);
    return accepted;
  }
  bool send(std::string_view bytes, Priority priority = Priority::normal) {
    return server.send(id, SendData::borrowed(bytes), priority);
  }
  bool send_owned(std::string_view bytes) {
    void* memory = std::malloc(bytes.size());
    std::memcpy(memory, bytes.data(), bytes.size());
    return server.send(id, SendData::owned(memory, bytes.size()));
  }
  // Fills what the kernel holds for the peer, so that the rest is queued; gives the number of
  // bytes.
  std::size_t fill() {
    const std::string piece(kMega, 'f');
    std::size_t sent = 0;
    do {
      EXPECT_TRUE(send(piece));
      sent += piece.size();
    } while (server.info()[0].unsent == 0);
    return sent;
  }
  // What `work` sends, as a worker thread that corks.
  template <class Work>
  void as_worker(Work work) {
    std::thread([&] {
      SocketServer::cork_thread();
      work();
      SocketServer::flush_thread();
    }).join();
  }
  // How many pieces the peer's kernel holds: a non-blocking read of a byte stream does not tell,
  // but a corked write must not have left at all.
  bool nothing_has_come() {
    char byte;
    return recv(peer.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  }

  TestHost host;
  SocketServer server;
  RawPeer peer;
  int id;
};

TEST_F(SocketSendTest, BorrowedAndOwnedMemoryArrive) {
  EXPECT_TRUE(send("abc"));
  EXPECT_TRUE(send_owned("def"));
  EXPECT_TRUE(send(""));
  EXPECT_TRUE(send_owned(""));
  EXPECT_TRUE(send_owned(std::string(100000, 'x')));
  EXPECT_EQ(peer.receive(6), "abcdef");
  EXPECT_EQ(peer.receive(100000), std::string(100000, 'x'));
}

TEST_F(SocketSendTest, RefusedOwnedMemoryIsFreed) {
  EXPECT_FALSE(server.send(0x7ffffff0, SendData::owned(std::malloc(10), 10)));
  server.close(id);
  EXPECT_FALSE(server.send(id, SendData::owned(std::malloc(10), 10)));
}

TEST_F(SocketSendTest, ACorkedThreadSendsNothingBeforeItsFlush) {
  as_worker([&] {
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(send("part "));
    EXPECT_TRUE(nothing_has_come());
    SocketServer::flush_thread();
    EXPECT_EQ(peer.receive(50), "part part part part part part part part part part ");
  });
}

TEST_F(SocketSendTest, ACorkedThreadSendsLargeAmountsAtOnce) {
  as_worker([&] {
    EXPECT_TRUE(send("head "));
    EXPECT_TRUE(send(std::string(SocketServer::kCorkBytes, 'b')));
    EXPECT_EQ(peer.receive(5), "head ");
    EXPECT_EQ(peer.receive(SocketServer::kCorkBytes), std::string(SocketServer::kCorkBytes, 'b'));
    EXPECT_TRUE(send("tail"));
  });
  EXPECT_EQ(peer.receive(4), "tail");
}

TEST_F(SocketSendTest, CloseFlushesWhatTheThreadHasCorked) {
  as_worker([&] {
    EXPECT_TRUE(send("the end"));
    server.close(id);
    EXPECT_EQ(peer.receive(7), "the end");
    EXPECT_TRUE(peer.receive_end());
  });
}

TEST_F(SocketSendTest, BytesOfAnotherThreadTakeCorkedOnesAlongInOrder) {
  as_worker([&] {
    EXPECT_TRUE(send("first "));
    std::thread([&] { EXPECT_TRUE(send("second")); }).join();
    EXPECT_EQ(peer.receive(12), "first second");
  });
}

TEST_F(SocketSendTest, SmallMessagesOfACorkedThreadWaitForASlowPeerInOrder) {
  constexpr int kMessages = 120'000;  // more than the kernel holds
  std::string sent;
  as_worker([&] {
    for (int i = 0; i < kMessages; ++i) {
      const std::string message = std::to_string(i) + std::string(90, '.');
      EXPECT_TRUE(send(message));
      sent += message;
      SocketServer::flush_thread();
    }
  });
  EXPECT_GT(server.unsent(id), 0u);
  EXPECT_EQ(peer.receive(sent.size()), sent);
}

TEST_F(SocketSendTest, ACorkedWriteThatFailsIsToldAndHoldsUpNoOther) {
  RawPeer other;
  const int good = started(other);
  peer.reset();
  int rounds = 0;
  as_worker([&] {
    bool taken = true;
    for (; taken && rounds < 1000; ++rounds) {
      taken = send("for nobody");
      EXPECT_TRUE(server.send(good, SendData::borrowed("x")));
      SocketServer::flush_thread();
    }
  });
  EXPECT_LT(rounds, 1000);
  EXPECT_EQ(other.receive(static_cast<std::size_t>(rounds)).size(),
            static_cast<std::size_t>(rounds));
  // An end, if the write was told of the reset and the read was not.
  EXPECT_TRUE(
      eventually([&] { return host.count(kSocketError, id) + host.count(kSocketClose, id) == 1; }));
}

TEST_F(SocketSendTest, AWorkerDoesNotRelyOnTheFlushOfAnother) {
  std::atomic<bool> corked{false}, go_on{false};
  std::thread slow([&] {
    SocketServer::cork_thread();
    EXPECT_TRUE(send("slow "));
    corked = true;
    corked.notify_all();
    go_on.wait(false);  // a handler that takes long
    SocketServer::flush_thread();
  });
  corked.wait(false);
  as_worker([&] { EXPECT_TRUE(send("quick")); });
  EXPECT_EQ(peer.receive(10), "slow quick");
  go_on = true;
  go_on.notify_all();
  slow.join();
}

TEST_F(SocketSendTest, ALowBlockGivesWayToNormalOnes) {
  const std::size_t filled = fill();
  EXPECT_TRUE(send("x"));
  EXPECT_TRUE(send("low-1", Priority::low));
  EXPECT_TRUE(send("low-2", Priority::low));
  EXPECT_TRUE(send("high-1"));
  EXPECT_TRUE(send("high-2"));
  server.close(id);
  peer.receive(filled);
  EXPECT_EQ(peer.receive_all(), "xhigh-1high-2low-1low-2");
}

TEST_F(SocketSendTest, ALowBlockIsSentAtOnceWhenNothingWaits) {
  EXPECT_TRUE(send("low ", Priority::low));
  EXPECT_TRUE(send("high"));
  EXPECT_EQ(peer.receive(8), "low high");
}

TEST_F(SocketSendTest, WarnsOfUnsentBytesAndTellsWhenTheyAreGone) {
  const std::string piece(kMega, 'x');
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(send(piece));
  server.close(9999);  // nothing
  std::vector<int> warnings;
  std::thread reader([&] { peer.receive(40 * kMega); });
  do {
    warnings.push_back(host.take(kSocketWarning, id).ud);
  } while (warnings.back() != 0);
  reader.join();
  // Several thresholds that are passed at once make one warning.
  ASSERT_GE(warnings.size(), 2u);
  EXPECT_GE(warnings[0], 1024);
  for (std::size_t i = 1; i + 1 < warnings.size(); ++i)
    EXPECT_GE(warnings[i], 2 * warnings[i - 1] - 1024);
  EXPECT_EQ(server.info()[0].unsent, 0u);
  // The thresholds start over.
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(send(piece));
  EXPECT_GE(host.take(kSocketWarning, id).ud, 1024);
}

TEST_F(SocketSendTest, ASlowReaderGetsEverythingInOrder) {
  std::string want;
  for (int i = 0; i < 20000; ++i) {
    const std::string piece =
        std::to_string(i) + std::string(static_cast<std::size_t>(i % 500), '.') + ";";
    EXPECT_TRUE(i % 3 == 0 ? send_owned(piece) : send(piece));
    want += piece;
  }
  server.close(id);
  EXPECT_TRUE(peer.receive_all() == want);
}

TEST_F(SocketSendTest, BlocksOfManyThreadsAreWholeAndEachThreadsAreInOrder) {
  constexpr int kThreads = 4, kEach = 4000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      if (t % 2 == 0) SocketServer::cork_thread();
      for (int i = 0; i < kEach; ++i) {
        std::string block = std::to_string(t) + ":" + std::to_string(i);
        block.resize(20 + static_cast<std::size_t>(i) % 3000, '-');
        block += "\n";
        EXPECT_TRUE(send(block));
        if (i % 7 == 0) SocketServer::flush_thread();
      }
      SocketServer::flush_thread();
    });
  }
  std::string all;
  std::thread reader([&] { all = peer.receive_all(); });
  for (std::thread& thread : threads) thread.join();
  server.close(id);
  reader.join();
  int next[kThreads] = {};
  std::size_t at = 0;
  while (at < all.size()) {
    const std::size_t end = all.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const int t = all[at] - '0';
    ASSERT_TRUE(t >= 0 && t < kThreads) << "a block within another";
    const int i = next[t]++;
    ASSERT_EQ(
        all.compare(at, 2 + std::to_string(i).size(), std::to_string(t) + ":" + std::to_string(i)),
        0);
    ASSERT_EQ(end - at, 20 + static_cast<std::size_t>(i) % 3000);
    at = end + 1;
  }
  for (int count : next) EXPECT_EQ(count, kEach);
}

// Each round ends a connection in another way while several threads write to it.
TEST_F(SocketSendTest, EndingWhileManyThreadsWriteHarmsNothing) {
  const int listening = server.listen(kOwner, "127.0.0.1", 0, 16);
  const int port = host.take(kSocketConnect, listening).ud;
  server.start(kOwner, listening);
  for (int round = 0; round < 60; ++round) {
    RawPeer other;
    other.connect(port);
    const int target = host.take(kSocketAccept, listening).ud;
    server.start(kOwner, target);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        if (t == 0) SocketServer::cork_thread();
        const std::string block(10000 + 30000 * static_cast<std::size_t>(t), 'x');
        for (int i = 0; i < 200 && server.send(target, SendData::borrowed(block)); ++i) {
          server.pause(target);
          if (i % 8 == 0) server.start(kOwner, target);
        }
        SocketServer::flush_thread();
      });
    }
    other.receive(5000);
    switch (round % 4) {
      case 0: server.close(target); break;
      case 1: server.shutdown(target); break;
      case 2: other.reset(); break;
      case 3: other.close(); break;
    }
    other.close();
    for (std::thread& thread : threads) thread.join();
    server.shutdown(target);
    ASSERT_TRUE(eventually([&] { return !server.send(target, SendData::borrowed("x")); }));
  }
  EXPECT_TRUE(eventually([&] { return server.info().size() == 2; }))
      << "the listener and the pair of the fixture";
}

}  // namespace
}  // namespace runtime
