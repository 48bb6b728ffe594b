// Sending, as the C plugin interface has it, for callers inside of the runtime that know where
// their message lies.
#pragma once

#include "core/node.h"

namespace runtime::api {

constexpr int kNoDestination = -1;  // skynet_send: no such service
constexpr int kTooLarge = -2;       // skynet_send: more than kMaxMessageBytes

// Sends a message whose payload (from malloc) passes to the runtime, whatever the result. `to` is
// not 0. The session, or one of the above.
int send_owned(Service& service, Handle source, Handle to, int type, int session, void* data,
               std::size_t size);

}  // namespace runtime::api
