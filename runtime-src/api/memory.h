// The memory of services, for skynet.memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/message.h"

struct skynet_context;

namespace runtime::api {

// Bytes from malloc that the service holds now, without its Lua heap. On the worker that runs it.
std::int64_t current_memory(skynet_context* context);

struct ServiceMemory {
  Handle service;
  std::int64_t bytes;
};

// How many entries list_memory() may fill.
std::size_t memory_list_size();

// The same for all live services, as of the end of their latest turn; for the caller, as of now. `context` may be null.
// Fills at most `capacity` entries and gives their number.
std::size_t list_memory(skynet_context* context, ServiceMemory* entries, std::size_t capacity);

}  // namespace runtime::api
