// LuaJIT: what later versions of Lua call by other names, or have besides, and what can be had exactly as they have it:
// table.pack, table.unpack, math.tointeger. (Each function of a library that is open takes some 50 bytes of every service.)
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

#ifdef RUNTIME_LUAJIT
// Adds those of `table`. May raise.
void install_newer_names(lua_State* L);

// Adds those of `math` to the table at `index`. May raise.
void add_newer_math(lua_State* L, int index);
#endif

}  // namespace runtime::RUNTIME_ENGINE
