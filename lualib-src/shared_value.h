// Keys and values of shared data as Lua values, and the other way round: what needs no face
// (shared_table.h).
//
// Threads: a state from the thread that runs it.
// Errors:  what pushes raises for want of memory.
#pragma once

#include <cmath>
#include <cstdint>

#include "lua/engine.h"
#include "lua/shared_api.h"
#include "share/image.h"

namespace runtime::RUNTIME_ENGINE {

// The engine of these states, as images name it.
#ifdef RUNTIME_LUA54
constexpr share::Engine kEngine = share::Engine::lua54;
#else
constexpr share::Engine kEngine = share::Engine::luajit;
#endif

// The data behind the value at `index`; null when that is no shared table.
inline const share::Table* shared_table(lua_State* L, int index) {
  return static_cast<const share::Table*>(shared_node(L, index));
}

// Pushes what needs no face; false (and nothing pushed) for tables and functions.
bool push_plain(lua_State* L, const share::Value& value);

// The same for a key. On LuaJIT a whole number that a double holds exactly is a plain number also
// beyond 2^53: that is what a program has as a key, and no two cdata are the same one.
bool push_plain_key(lua_State* L, const share::Value& key);

// The key that the Lua value at `index` is in an image; false when no image can have it.
bool to_shared_key(lua_State* L, int index, share::Key* key);

// The integer that shared data keeps for the value at `index`; false: it is none. On LuaJIT -0.0 is whole as well, and is
// to come back as it was.
inline bool to_kept_integer(lua_State* L, int index, std::int64_t* value) {
  return to_int64(L, index, value) && !(*value == 0 && std::signbit(lua_tonumber(L, index)));
}

// Pushes an ordinary copy of a table, with all that is below it but functions. References to one
// table stay references to one.
void push_plain_copy(lua_State* L, const share::Table* table);

// Pushes ".a.b.3", the way to a table from its root.
void push_shared_path(lua_State* L, const share::Table* table);

}  // namespace runtime::RUNTIME_ENGINE
