// The base library and shared tables on LuaJIT.
//
// LuaJIT's next, pairs, ipairs, ... read tables without the C API, and see nothing in the face of a
// shared table (shared_table.h). So every LuaJIT state has wrappers of these functions, in Lua,
// which compiled code inlines; `pairs` of an ordinary table is still the engine's own iteration.
// They must be there before any other code runs, as modules keep such functions in locals.
//
// On Lua 5.4 the base library uses the C API, which shared_api.h has taken care of.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Once per state, behind the standard libraries. Raises for want of memory.
void install_shared_base(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
