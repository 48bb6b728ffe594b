#include "core/socket_message.h"

#include <new>

#include "base/memory_ledger.h"
#include "base/memory_reserve.h"

namespace runtime {

Message event_of(const Message& received) {
  void* const memory = needed([] { return allocate_given(sizeof(skynet_socket_message)); });
  take_bytes(block_bytes(received.data));
  auto* const event = new (memory) skynet_socket_message;
  event->type = SKYNET_SOCKET_TYPE_DATA;
  event->id = received.session;
  event->ud = static_cast<int>(received.size());
  event->buffer = static_cast<char*>(received.data);
  return Message::make(0, kTypeSocket, 0, event, sizeof(*event));
}

}  // namespace runtime
