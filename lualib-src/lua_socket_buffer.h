// The functions of skynet.socketdriver that keep what a connection has sent until its service reads
// it.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Sets buffer(), push(), pop(), readall(), readline(), await(), clear(), drop() and str2p() in the table on
// the top of the stack.
void set_buffer_functions(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
