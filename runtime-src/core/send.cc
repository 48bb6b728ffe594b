#include "core/send.h"

#include <cstdlib>

#include "base/memory_reserve.h"
#include "core/remote_message.h"

namespace runtime {

int send_remote(Service& service, Handle source, std::string_view name, Handle to, int type,
                int session, void* data, std::size_t size) {
  const Handle harbor = service.node().harbor_service.load(std::memory_order_relaxed);
  auto* envelope =
      static_cast<RemoteMessage*>(needed([] { return std::calloc(1, sizeof(RemoteMessage)); }));
  envelope->mark = service.node().remote_mark;
  name.copy(envelope->name, sizeof(envelope->name));
  envelope->destination = to;
  envelope->data = data;
  envelope->size = size;
  envelope->type = type;
  const std::size_t bytes = block_bytes(data);
  if (harbor == 0 ||
      !service.node().deliver(
          harbor, Message::make(source, kTypeSystem, session, envelope, sizeof(RemoteMessage)))) {
    std::free(envelope);
    std::free(data);
    return kNoDestination;
  }
  give_bytes(bytes);
  return session;
}

int send_owned(Service& service, Handle to, const Message& message) {
  give_bytes(block_bytes(message.data));
  return send_given(service, to, message);
}

namespace {

// What nobody of this node takes.
[[gnu::noinline]] int send_elsewhere(Service& service, Handle to, Message message) {
  if (service.node().is_remote(to)) {
    take_bytes(block_bytes(message.data));
    return send_remote(service, message.source, {}, to, message.type(), message.session,
                       message.data, message.size());
  }
  free_given(message.data);
  return kNoDestination;
}

}  // namespace

int send_given(Service& service, Handle to, Handle source, std::int32_t session, void* data,
               std::size_t size_and_type) {
  const Message message{source, session, data, size_and_type};
  if (service.node().deliver_given(to, message)) [[likely]]
    return session;
  return send_elsewhere(service, to, message);
}

}  // namespace runtime
