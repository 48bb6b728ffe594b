#include "api/send.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "core/remote_message.h"
#include "skynet.h"

namespace runtime::api {

namespace {

int send_remote(Service& service, Handle source, std::string_view name, Handle to, int type,
                int session, void* data, std::size_t size) {
  const Handle harbor = service.node().harbor_service.load(std::memory_order_relaxed);
  auto* envelope = static_cast<RemoteMessage*>(std::calloc(1, sizeof(RemoteMessage)));
  RUNTIME_CHECK(envelope != nullptr, "out of memory");
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

// Applies the flags of skynet_send: the payload to send, owned; and the session.
bool prepare(Service& service, int type, int* session, void** data, std::size_t size,
             Handle destination_for_log) {
  const bool owned = (type & PTYPE_TAG_DONTCOPY) != 0;
  if (size > kMaxMessageBytes) {
    service.node().log(service.handle(),
                       fmt::format("error: The message to {:x} is too large", destination_for_log));
    if (owned) std::free(*data);
    return false;
  }
  if ((type & PTYPE_TAG_ALLOCSESSION) != 0) {
    RUNTIME_CHECK(*session == 0, "a message that asks for a session has one");
    *session = service.new_session();
  }
  if (!owned && *data != nullptr) {
    auto* copy = static_cast<char*>(std::malloc(size + 1));
    RUNTIME_CHECK(copy != nullptr, "out of memory");
    std::memcpy(copy, *data, size);
    copy[size] = '\0';
    *data = copy;
  }
  return true;
}

}  // namespace

int send_owned(Service& service, Handle source, Handle to, int type, int session, void* data,
               std::size_t size) {
  Node& node = service.node();
  if (node.deliver(to, Message::make(source, type, session, data, size))) [[likely]]
    return session;
  if (node.is_remote(to)) return send_remote(service, source, {}, to, type, session, data, size);
  std::free(data);
  return kNoDestination;
}

}  // namespace runtime::api

using namespace runtime;

extern "C" {

int skynet_send(skynet_context* context, std::uint32_t source, std::uint32_t destination, int type,
                int session, void* message, std::size_t size) {
  Service& service = Service::from(context);
  if (!api::prepare(service, type, &session, &message, size, destination)) return api::kTooLarge;
  if (source == 0) source = service.handle();
  if (destination == 0) {
    if (message == nullptr) return session;
    service.node().log(service.handle(), "error: Destination address can't be 0");
    std::free(message);
    return api::kNoDestination;
  }
  return api::send_owned(service, source, destination, type & 0xff, session, message, size);
}

int skynet_sendname(skynet_context* context, std::uint32_t source, const char* destination,
                    int type, int session, void* message, std::size_t size) {
  Service& service = Service::from(context);
  if (destination[0] == ':' || destination[0] == '.') {
    const Handle handle = service.node().find(destination);
    if (handle != 0) return skynet_send(context, source, handle, type, session, message, size);
    if ((type & PTYPE_TAG_DONTCOPY) != 0) std::free(message);
    return api::kNoDestination;
  }
  if (!api::prepare(service, type, &session, &message, size, 0)) return api::kTooLarge;
  if (source == 0) source = service.handle();
  return api::send_remote(service, source, destination, 0, type & 0xff, session, message, size);
}

}  // extern "C"
