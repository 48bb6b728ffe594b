// How `require` finds modules.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Adds a searcher for built-in modules behind that of package.preload, and lets source files come
// from the code cache: a module is compiled once for all services. On LuaJIT also replaces the
// searchers for shared objects: each pattern of package.cpath is tried with "jit/" before its '?'
// first, and an object that was not built for LuaJIT is refused, as it would bind to the wrong Lua
// library.
void install_module_search(lua_State* L);

// Pushes the value of a module that does not block while it loads. May raise.
void require_module(lua_State* L, const char* name);

}  // namespace runtime::RUNTIME_ENGINE
