// How the C API sees tables that are shared between services.
//
// A service holds a shared table as an empty Lua table whose metatable finds the data. Metamethods
// serve Lua code; C code, foreign modules included, reads tables with lua_next, lua_rawget and the
// like, which know no metamethods. So these functions are ours: each is the library's own
// (stock_lua_next, ...) with a look aside for shared tables first, and none at all as long as the
// process shares nothing.
//
//   lua_next, lua_rawget, lua_rawgeti, lua_rawlen   read the shared data
//   lua_getmetatable                                gives none: the metatable is no affair of the program's
//   lua_rawset, lua_setmetatable                    raise
//
// On Lua 5.4 that also makes the base library right (next, rawget, rawlen, getmetatable, ...), as
// it uses the C API. LuaJIT's does not: see shared_base.h.
//
// Threads: a state from the thread that runs it; set_shared_access() once, from any.
#pragma once

#include "lua/engine.h"

#ifdef RUNTIME_LUAJIT
#define stock_lua_next jit_stock_lua_next
#define stock_lua_rawget jit_stock_lua_rawget
#define stock_lua_rawgeti jit_stock_lua_rawgeti
#define stock_lua_rawset jit_stock_lua_rawset
#define stock_lua_getmetatable jit_stock_lua_getmetatable
#define stock_lua_setmetatable jit_stock_lua_setmetatable
#define runtime_is_shared_table runtime_luajit_is_shared_table
using lua_GetResult = void;
using lua_ArrayIndex = int;
#else
#define runtime_is_shared_table runtime_lua54_is_shared_table
using lua_GetResult = int;
using lua_ArrayIndex = lua_Integer;
#endif

extern "C" {
int stock_lua_next(lua_State* L, int index);
lua_GetResult stock_lua_rawget(lua_State* L, int index);
lua_GetResult stock_lua_rawgeti(lua_State* L, int index, lua_ArrayIndex n);
void stock_lua_rawset(lua_State* L, int index);
int stock_lua_getmetatable(lua_State* L, int index);
int stock_lua_setmetatable(lua_State* L, int index);
#ifdef RUNTIME_LUA54
lua_Unsigned stock_lua_rawlen(lua_State* L, int index);
#endif

// For modules that are shared objects: 1 for a shared table. Weak, as a plain interpreter has no
// such function.
__attribute__((weak)) int runtime_is_shared_table(lua_State* L, int index);
}

namespace runtime::RUNTIME_ENGINE {

// What shared tables supply. `node` is what the table carries under shared_node_key.
struct SharedAccess {
  // Pops a key and pushes the next one and its value, or nothing; as lua_next.
  int (*next)(lua_State* L, int index, const void* node);
  // Pops a key and pushes its value; as lua_rawget.
  void (*get)(lua_State* L, int index, const void* node);
  std::size_t (*length)(const void* node);
};
void set_shared_access(const SharedAccess* access);

// Tables that are filled when they are looked at (lazy_libraries.cc): lua_next and lua_setmetatable
// call this for an empty table and for one with a metatable. It fills the table at `index` if it is
// such a one; else gives false.
using FillLazyTable = bool (*)(lua_State* L, int index);
void set_fill_lazy_table(FillLazyTable fill);

// The table's own key, by its address, for the light userdata that leads to its data.
extern const char shared_node_key;

// What leads to the data of the table at `index`; null when that is no shared table. Does not
// raise.
const void* shared_node(lua_State* L, int index);

inline void stock_rawgetp(lua_State* L, int index, const void* key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, const_cast<void*>(key));
  stock_lua_rawget(L, index);
}
inline void stock_rawsetp(lua_State* L, int index, const void* key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, const_cast<void*>(key));
  lua_insert(L, -2);
  stock_lua_rawset(L, index);
}

}  // namespace runtime::RUNTIME_ENGINE
