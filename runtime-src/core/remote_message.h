// What the core gives to the harbor service instead of a message that it cannot deliver itself: one
// for another node, or for a global name. Sent as type kTypeSystem.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/message.h"

namespace runtime {

struct RemoteMessage {
  std::uint64_t mark;  // Node::remote_mark; without it these are bytes that some service has sent
  char name[16];       // of the destination, filled up with zeros; empty if it is a handle
  Handle destination;
  int type;
  void* data;  // from malloc; belongs to the envelope's owner
  std::size_t size;
};

// The envelope in a message of type kTypeSystem; null for all other bytes. `mark` is the node's.
inline const RemoteMessage* remote_message(const void* data, std::size_t size, std::uint64_t mark) {
  if (data == nullptr || size != sizeof(RemoteMessage)) return nullptr;
  if (std::memcmp(data, &mark, sizeof(mark)) != 0) return nullptr;
  return static_cast<const RemoteMessage*>(data);
}

}  // namespace runtime
