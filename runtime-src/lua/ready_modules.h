// The module `skynet`, loaded before anybody has required it, as it is in states that others are
// copied from (state_image.h). Only the first `require` of it tells package.loaded.
//
// A service can hardly tell: its own package.path, package.preload and searchers decide as ever what
// `require "skynet"` finds. Where that is another file, the one that is ready is given up.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Loads it with the global LUA_PATH as package.path. Raises when that does not lead to the file of this
// tree, and what loading it raises; then the state is of no use any more.
void make_skynet_ready(lua_State* L);

// Pushes the loader of the module and its file, if it is ready; `path` is what package.path is now.
bool push_ready_module(lua_State* L, const char* name, const char* path);

// Whether the module is ready; whether it is what package.path leads to is not looked at.
bool is_ready_module(lua_State* L, const char* name);

// Pushes what the module is; nil if it is not ready.
void push_ready_value(lua_State* L, const char* name);

// A searcher has found a module of this name elsewhere.
void give_up_ready_module(lua_State* L, const char* name);

}  // namespace runtime::RUNTIME_ENGINE
