#include "api/memory.h"

#include <algorithm>

#include "api/attach.h"
#include "core/node.h"
#include "core/service.h"

namespace runtime::api {

std::int64_t current_memory(skynet_context* context) {
  return std::max<std::int64_t>(0, Service::from(context).memory.current());
}

std::size_t memory_list_size() { return node().service_count(); }

std::size_t list_memory(skynet_context* context, ServiceMemory* entries, std::size_t capacity) {
  Service* const self = context != nullptr ? &Service::from(context) : nullptr;
  std::size_t count = 0;
  for (const Handle handle : node().handles()) {
    if (count == capacity) break;
    Service* const service = node().acquire(handle);
    if (service == nullptr) continue;
    const std::int64_t bytes = service == self ? self->memory.current() : service->memory.bytes();
    entries[count++] = {handle, std::max<std::int64_t>(0, bytes)};
    service->drop();
  }
  return count;
}

}  // namespace runtime::api
