// Recursion through C: an error, as Lua 5.4 makes of it, and not the end of the process.
//
// LuaJIT bounds the values of a coroutine, but neither the C stack nor the depth of coroutines in
// coroutines. So what is ours and calls back into Lua asks first, and so do those of the library's
// functions that take much of the stack.
#pragma once

#include "base/c_stack.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Raises "C stack overflow" when the thread's stack is nearly used up. Lua 5.4 counts, and needs no
// such check.
inline void check_stack([[maybe_unused]] lua_State* L) {
#ifdef RUNTIME_LUAJIT
  if (!has_stack_left()) [[unlikely]]
    luaL_error(L, "C stack overflow");
#endif
}

#ifdef RUNTIME_LUAJIT
// Puts the check in front of string.gsub, table.sort, load, loadstring and dofile.
void install_stack_checks(lua_State* L);
#endif

}  // namespace runtime::RUNTIME_ENGINE
