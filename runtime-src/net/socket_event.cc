#include "net/socket_event.h"

#include <cstdlib>
#include <cstring>

#include "base/memory_reserve.h"
#include "core/socket_message.h"

namespace runtime {

bool SocketEvents::post(Handle to, const SocketEvent& event, std::string_view tail) const {
  const std::size_t size = sizeof(event) + tail.size();
  auto* message = static_cast<char*>(needed([size] { return std::malloc(size); }));
  std::memcpy(message, &event, sizeof(event));
  tail.copy(message + sizeof(event), tail.size());
  if (host_.post(host_.context, to, Message::make(0, kTypeSocket, 0, message, size))) return true;
  std::free(message);
  return false;
}

bool SocketEvents::text(Handle to, SocketEventType type, int id, int ud,
                        std::string_view text) const {
  return post(to, {type, id, ud, nullptr}, text.substr(0, kMaxText));
}

bool SocketEvents::received(Handle to, std::span<const Message> messages) const {
  if (host_.post_received(host_.context, to, messages)) return true;
  for (const Message& message : messages) message.free_payload();
  return false;
}

bool SocketEvents::datagram(Handle to, int id, char* buffer, std::size_t size,
                            std::string_view address) const {
  if (post(to, {kSocketUdp, id, static_cast<int>(size), buffer}, address)) return true;
  std::free(buffer);
  return false;
}

}  // namespace runtime
