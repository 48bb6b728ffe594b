// Messages of type kTypeSocket, as far as the core has to look into them.
#pragma once

#include "core/message.h"
#include "skynet_socket.h"

namespace runtime {

// The event in a message of the socket server; null for all other messages. The node itself is the
// source of events: what a service sends under their type may be anything, and so may be what looks
// like a pointer in it.
inline const skynet_socket_message* socket_event(const Message& message) {
  if (message.type() != kTypeSocket || message.source != 0 ||
      message.size() < sizeof(skynet_socket_message)) {
    return nullptr;
  }
  return static_cast<const skynet_socket_message*>(message.data);
}

}  // namespace runtime
