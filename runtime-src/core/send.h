// Sending to whom a handle or a name of another node names, here or there.
//
// Threads: the worker that runs `service`.
#pragma once

#include <string_view>

#include "core/node.h"

namespace runtime {

constexpr int kNoDestination = -1;  // skynet_send: no such service
constexpr int kTooLarge = -2;       // skynet_send: more than kMaxMessageBytes

// Sends a message whose payload (from malloc) passes to the runtime, whatever the result. `to` is
// not 0. Gives the session, or one of the above.
int send_owned(Service& service, Handle to, const Message& message);

// The same for a payload that is on no service's account (give_bytes).
int send_given(Service& service, Handle to, Handle source, std::int32_t session, void* data,
               std::size_t size_and_type);
// In registers: what is written field by field, and read as a whole a moment later, has to wait for the last of the stores.
[[gnu::always_inline]] inline int send_given(Service& service, Handle to, const Message& message) {
  return send_given(service, to, message.source, message.session, message.data,
                    message.size_and_type);
}

// The same through the harbor service, to `to` on another node, or to a global name.
int send_remote(Service& service, Handle source, std::string_view name, Handle to, int type,
                int session, void* data, std::size_t size);

}  // namespace runtime
