// What one link still has to send.
//
// Small packets go to the wire at once. Large messages take turns, one part each, kTurns of them at a
// time, and their parts go on the socket's line of low priority: small packets overtake them (with TLS, those that are
// not in the socket yet). A
// stretch of parts is bounded, and so is what may wait in the socket; in between the link's service handles
// other messages.
//
//   small ------------------------------------------------>  wire, packets
//   large -> [waiting] -> [in turn: A1 B1 C1 A2 B2 C2 ...] ->  wire, blocks
//
// Threads: that of the service.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/assembly.h"
#include "cluster/compression.h"
#include "cluster/frame.h"
#include "cluster/payoff.h"
#include "cluster/wire.h"
#include "skynet.h"

namespace runtime::cluster {

class Outbox {
 public:
  // `compression` is asked for each payload; it and the wire outlive the outbox.
  Outbox(skynet_context* context, Protocol protocol, Compression* compression, Wire* wire)
      : context_(context), protocol_(protocol), compression_(compression), wire_(wire) {}
  ~Outbox() { close(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // What has not left is gone.
  void close();

  // A packet: its beginning and its payload.
  void small(std::string_view head, std::string_view payload);
  // A message in parts; `head` is its first packet.
  void large(std::string_view head, std::uint32_t session, Owned payload);

  // A message of the service. True: it was sent by this outbox, to go on with large messages.
  bool take(int type, std::uint32_t source, std::size_t size);
  // The socket's warning: how much waits there; 0 when it has gone.
  void on_unsent(int kilobytes);

  // Whether more waits here and in the socket than is ever right: the peer takes nothing.
  bool overfull() const;
  // The sessions of large messages that have not left as a whole.
  std::vector<std::uint32_t> unsent_sessions() const;
  std::uint64_t bytes() const { return bytes_; }  // of packets that have gone to the wire
  // What becomes of payloads, a static text: "zstd"; "resting", as the network is faster; empty: the nodes have not agreed.
  const char* compression() const {
    return !compression_->agreed() ? "" : payoff_.compresses() ? "zstd" : "resting";
  }

 private:
  // How many large messages take turns: the peer has to keep what it has of them.
  static constexpr std::size_t kTurns = 16;
  // Parts of one stretch: a message of a megabyte goes in one.
  static constexpr std::size_t kStretchBytes = 2 * 1024 * 1024;
  // Compressing takes ten times as long as sending.
  static constexpr std::size_t kCompressedStretchBytes = 256 * 1024;
  // Of a message that is alone.
  static constexpr std::size_t kPartsAtOnce = 8;
  // More than this in the socket: wait until it has gone. The socket tells of that from 1 MB on.
  static constexpr std::size_t kAheadBytes = 1024 * 1024;
  static constexpr std::size_t kMaxUnsentKilobytes = 512 * 1024;
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{1} << 30;

  struct Large {
    std::string head;  // empty once it has left
    std::uint32_t session;
    Owned payload;
    std::size_t sent = 0;
  };

  // Appends a payload to the beginning of its packet at `packet`, compressed if that pays. Gives the packet's size.
  std::size_t add_payload(char* packet, std::size_t head_bytes, std::string_view payload);
  std::size_t shrink(std::string_view payload, char* out);
  std::size_t send_parts(Large& message, std::size_t count);
  void schedule();
  void go_on();

  skynet_context* const context_;
  const Protocol protocol_;
  Compression* const compression_;
  Payoff payoff_;
  Wire* const wire_;
  bool scheduled_ = false;  // a message to the own service is on its way
  bool draining_ = false;   // the socket holds enough
  std::deque<Large> turns_, waiting_;
  std::string packet_;
  std::uint64_t bytes_ = 0;
  std::size_t bytes_waiting_ = 0;     // of large messages
  std::size_t unsent_kilobytes_ = 0;  // as the socket last told
};

}  // namespace runtime::cluster
