// Messages of type kTypeSocket, as far as the core has to look into them.
#pragma once

#include <cstddef>

#include "base/memory_ledger.h"
#include "core/message.h"
#include "skynet_socket.h"

namespace runtime {

// The event in a message of the socket server; null for all other messages. The node itself is the
// source of events: what a service sends under their type may be anything, and so may be what looks
// like a pointer in it.
inline const skynet_socket_message* socket_event(const Message& message) {
  if (message.type() != kTypeSocket || message.source != 0 || message.session != 0 ||
      message.size() < sizeof(skynet_socket_message)) {
    return nullptr;
  }
  return static_cast<const skynet_socket_message*>(message.data);
}

// What was read of a connection, the most common of all: the payload is the bytes (malloc) themselves, and the id of the
// connection, above 0, stands in the place of the session. A message that nobody asked for has none otherwise.
inline Message received_message(int id, char* bytes, std::size_t size) {
  return Message::make(0, kTypeSocket, id, bytes, size);
}
inline bool is_received(const Message& message) {
  return message.session != 0 && message.source == 0 && message.type() == kTypeSocket;
}

// The same as an event, for those who know nothing else. The payload of `received` belongs to the running service from
// now on, the event's to nobody (give_bytes).
Message event_of(const Message& received);

// What an event brings beside its payload and on no account: the bytes of a datagram, which who handles it will free.
inline std::size_t datagram_bytes(const Message& message) {
  const skynet_socket_message* const event = socket_event(message);
  return event != nullptr && event->type == SKYNET_SOCKET_TYPE_UDP ? block_bytes(event->buffer) : 0;
}

}  // namespace runtime
