#include "core/send.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/memory_reserve.h"
#include "skynet.h"
#include "skynet_harbor.h"

namespace runtime {

namespace {

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
    auto* copy = static_cast<char*>(needed([size] { return std::malloc(size + 1); }));
    std::memcpy(copy, *data, size);
    copy[size] = '\0';
    *data = copy;
  }
  return true;
}

}  // namespace

}  // namespace runtime

using namespace runtime;

extern "C" {

int skynet_send(skynet_context* context, std::uint32_t source, std::uint32_t destination, int type,
                int session, void* message, std::size_t size) {
  Service& service = Service::from(context);
  if (!prepare(service, type, &session, &message, size, destination)) return kTooLarge;
  if (source == 0) source = service.handle();
  if (destination == 0) {
    if (message == nullptr) return session;
    service.node().log(service.handle(), "error: Destination address can't be 0");
    std::free(message);
    return kNoDestination;
  }
  return send_owned(service, destination,
                    Message::make(source, type & 0xff, session, message, size));
}

int skynet_sendname(skynet_context* context, std::uint32_t source, const char* destination,
                    int type, int session, void* message, std::size_t size) {
  Service& service = Service::from(context);
  if (destination[0] == ':' || destination[0] == '.') {
    const Handle handle = service.node().find(destination);
    if (handle != 0) return skynet_send(context, source, handle, type, session, message, size);
    if ((type & PTYPE_TAG_DONTCOPY) != 0) std::free(message);
    return kNoDestination;
  }
  // A longer one would be cut, and might be another service's.
  const std::string_view name(destination);
  if (name.empty() || name.size() > GLOBALNAME_LENGTH) {
    service.node().log(
        service.handle(),
        fmt::format("error: Destination '{}' is no name: global names have 1 to {} bytes", name,
                    GLOBALNAME_LENGTH));
    if ((type & PTYPE_TAG_DONTCOPY) != 0) std::free(message);
    return kNoDestination;
  }
  if (!prepare(service, type, &session, &message, size, 0)) return kTooLarge;
  if (source == 0) source = service.handle();
  return send_remote(service, source, destination, 0, type & 0xff, session, message, size);
}

}  // extern "C"
