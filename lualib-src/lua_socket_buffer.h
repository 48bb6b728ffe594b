// The functions of skynet.socketdriver that keep what a connection has sent until its service reads
// it.
#pragma once

#include "lua/engine.h"
#include "lua/task.h"
#include "net/receive_buffer.h"

namespace runtime::RUNTIME_ENGINE {

// What has come over a socket and has not been read, and the read that waits for more of it.
struct StreamBuffer : ReceiveBuffer, AwaitedBytes {
  static constexpr lua_Integer kNobody = -1;

  // An event that would leave more than so many bytes beyond those that are waited for is dispatched as if nobody waited.
  lua_Number spare = 0;
  // How many bytes are waited for in read(); 0: any.
  lua_Integer wanted = kNobody;
};

// Sets buffer(), push(), pop(), readall(), readline(), read(), wanted(), wake(), await(), clear(), drop(), str2p() and,
// on Lua 5.4, reader() in the table on the top of the stack.
void set_buffer_functions(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
