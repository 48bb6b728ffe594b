// The socket server behind the C functions of skynet_socket.h, and what native modules need beyond
// those.
#pragma once

#include <cstddef>

#include "net/socket_server.h"

namespace runtime {

// Before the first socket function is called; `server` outlives all calls. Null: none may be called
// any more.
void set_socket_server(SocketServer* server);
SocketServer& socket_server();

// Writes the numeric addresses of `host` into `text`, each followed by a blank, or the resolver's
// text for why there are none; cut at `size`, with a terminator. False: it is the latter. Blocks.
bool resolve_host(const char* host, char* text, std::size_t size);

}  // namespace runtime
