// What skynet.core shares with the native part of skynet.lua (lua_native.cc).
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Adds to the table on top the functions that are both in skynet.core and in skynet: pack, unpack,
// packstring, tostring, error, now. They are the same values in both; `other` is the name of the
// other module.
void add_common_functions(lua_State* L, const char* other);

extern const lua_CFunction native_error;  // error()

}  // namespace runtime::RUNTIME_ENGINE
