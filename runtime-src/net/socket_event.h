// What happened to a socket, as its owner is told.
//
// The message is a SocketEvent, of the layout that struct skynet_socket_message has. When `buffer`
// is null, a text without a terminator follows it directly; when it is not, the receiver owns that
// memory (malloc), and the binary address of a datagram's sender follows.
//
//   | SocketEvent | text or address |
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/event_loop.h"
#include "core/message.h"

namespace runtime {

enum SocketEventType : int {
  kSocketData = 1,
  kSocketConnect = 2,
  kSocketClose = 3,
  kSocketAccept = 4,
  kSocketError = 5,
  kSocketUdp = 6,
  kSocketWarning = 7,
};

struct SocketEvent {
  int type;
  int id;
  int ud;
  char* buffer;
};

// Where a socket server leaves its messages and its log lines. Plain functions, so that tests
// inject their own.
//
// Threads: called from any thread, and from several at once. They must not block.
struct SocketHost {
  void* context = nullptr;  // handed to each
  // Delivers an event, a message of type kTypeSocket whose memory passes on. False: there is no such
  // service; the memory is still the caller's.
  bool (*post)(void* context, Handle to, const Message& message) = nullptr;
  // The same for what was read of connections (core/socket_message.h), one message or several, in that order.
  bool (*post_received)(void* context, Handle to, std::span<const Message> messages) = nullptr;
  void (*log)(void* context, std::string_view text) = nullptr;
  // The time in 1/100 s, for statistics.
  std::uint64_t (*now)(void* context) = nullptr;
  // Around several posts of one thread: whoever gets them may begin when all are there. True: a worker
  // that slept was woken for them. Either both or none.
  void (*hold)(void* context) = nullptr;
  bool (*release)(void* context) = nullptr;
  // Workers may turn `loop`, whose thread begins to run, when that offers it; null: its end, when no
  // worker runs any more.
  void (*lend)(void* context, EventLoop* loop) = nullptr;
};

// Builds events and posts them. True: the service exists.
class SocketEvents {
 public:
  explicit SocketEvents(const SocketHost& host) : host_(host) {}

  // An event with a text of at most kMaxText bytes; what is longer is cut.
  static constexpr std::size_t kMaxText = 128;
  bool text(Handle to, SocketEventType type, int id, int ud, std::string_view text) const;
  // What was read of connections: takes the payloads, in any case.
  bool received(Handle to, std::span<const Message> messages) const;
  // A datagram and the binary address of its sender: takes `buffer`, in any case.
  bool datagram(Handle to, int id, char* buffer, std::size_t size, std::string_view address) const;

  void log(std::string_view line) const { host_.log(host_.context, line); }
  std::uint64_t now() const { return host_.now(host_.context); }
  void hold() const {
    if (host_.hold != nullptr) host_.hold(host_.context);
  }
  bool release() const { return host_.release != nullptr && host_.release(host_.context); }
  bool lends() const { return host_.lend != nullptr; }
  void lend(EventLoop* loop) const {
    if (host_.lend != nullptr) host_.lend(host_.context, loop);
  }

 private:
  bool post(Handle to, const SocketEvent& event, std::string_view tail) const;

  const SocketHost host_;
};

}  // namespace runtime
