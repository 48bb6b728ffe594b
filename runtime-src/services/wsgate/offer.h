// What a client offers in Sec-WebSocket-Extensions (RFC 6455, 9.1; RFC 7692, 7.1).
#pragma once

#include <string_view>

namespace runtime::wsgate {

// Whether permessage-deflate can be agreed on. Other extensions in the list do not matter. It
// cannot when
// - it is offered more than once, for a client that has preferences;
// - the client limits our window (server_max_window_bits);
// - a parameter is unknown, has a wrong value, or comes twice.
bool is_acceptable_offer(std::string_view extensions);

}  // namespace runtime::wsgate
