// The standard libraries. Those that many services never use are empty tables until they are looked
// at: an idle service is a sixth smaller for it, and starts faster.
//
// A program hardly can tell: indexing, assigning, pairs() and next() open the library first, in C
// as in Lua; so does setmetatable() on Lua 5.4 (on LuaJIT it raises). On Lua 5.4 getmetatable() and
// rawget() see how it is.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// What luaL_openlibs does. May raise.
void open_standard_libraries(lua_State* L);

// Opens the libraries that are not open yet: for foreign C modules, which may look for what a
// library leaves in the registry. May raise.
void open_lazy_libraries(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
