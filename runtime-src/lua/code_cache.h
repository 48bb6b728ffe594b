// Lua files, compiled once per process and engine: later loads take the bytecode from memory.
//
// Threads:   all functions from any thread; a lua_State from the one that runs it. No lock is held
//            while a file is compiled or loaded; two states may compile one file at once.
// Freshness: a file is looked up by its name alone. What has changed on disk is seen after
//            clear_code(), or by a state in mode kOff.
#pragma once

#include <cstdint>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

enum class CacheMode {
  kOn,     // the default: use cached code, and cache what is compiled
  kOff,    // always read the file
  kExist,  // use cached code, but cache nothing new
};

// The mode of this state. set_cache_mode() raises only when memory runs out.
CacheMode cache_mode(lua_State* L);
void set_cache_mode(lua_State* L, CacheMode mode);

// luaL_loadfilex() through the cache: pushes a function or an error message and gives LUA_OK or the
// kind of error. A null `filename` is stdin. On LuaJIT a syntax error says how to run the source on
// Lua 5.4, if that reads it, else where that stops when it is elsewhere.
int load_file(lua_State* L, const char* filename, const char* mode = nullptr);

// Forgets all code of this engine, whichever state compiled it.
void clear_code();
// How many times that was done.
std::uint64_t code_generation();

// function | nil, message = loadfile([filename [, mode [, env]]]): Lua's own, through the cache.
int l_loadfile(lua_State* L);

// Makes l_loadfile the global `loadfile`, once per state.
void install_loadfile(lua_State* L);

// Pushes that function, the same one each time, even when the global was replaced since.
void push_loadfile(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
