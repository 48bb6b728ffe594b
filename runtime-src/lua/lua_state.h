// What a service's Lua state contains before its script runs: libraries, ways to find modules, the
// loader.
#pragma once

#include "core/environment.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Opens the standard libraries, makes `require` find built-in and native modules, and sets the
// globals that the loader reads (LUA_PATH, LUA_CPATH, LUA_SERVICE, LUA_PRELOAD). May raise.
void open_service_libraries(lua_State* L, const Environment& environment);

// Sets package.path and cpath as the loader of this tree does before it runs anything, if that is the
// config's `lualoader`: so what they are at first need not lie in every service. May raise.
void set_search_paths(lua_State* L, const Environment& environment);

// Pushes the chunk of the config's `lualoader`. Raises "Can't load LOADER : REASON".
void load_service_loader(lua_State* L, const Environment& environment);

}  // namespace runtime::RUNTIME_ENGINE
