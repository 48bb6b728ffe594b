// The functions of skynet.socketdriver that keep what a connection has sent until its service reads
// it.
#pragma once

#include "lua/engine.h"
#include "net/receive_buffer.h"

namespace runtime::RUNTIME_ENGINE {

// What has come over a socket and has not been read, and the read that waits for more of it.
struct StreamBuffer : ReceiveBuffer {
  static constexpr lua_Integer kNobody = -1;

  int socket = 0;  // its id; 0: nobody can wait for what comes
  // An event that would leave more than so many bytes beyond those that are waited for is dispatched as if nobody waited.
  lua_Number spare = 0;
  // How many bytes are waited for in read(); 0: any.
  lua_Integer wanted = kNobody;
};

// Sets buffer(), push(), pop(), readall(), readline(), read(), wanted(), wake(), await(), clear(), drop() and str2p()
// in the table on the top of the stack.
void set_buffer_functions(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
