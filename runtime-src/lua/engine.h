// The Lua engine that this file is compiled for, behind one interface: that of Lua 5.4.
//
// Every file that sees a lua_State is compiled twice, with RUNTIME_LUA54 and with RUNTIME_LUAJIT,
// and puts what it defines into `namespace runtime::RUNTIME_ENGINE`. What 5.4 has and LuaJIT lacks
// is supplied here under its 5.4 name; where the two cannot be made equal, there is a function of
// our own.
//
// Do not use results of lua_getfield, lua_rawget, lua_rawgeti and the like: on LuaJIT they are
// void. On LuaJIT every error unwinds the stack, on Lua 5.4 it is a longjmp: a function that may
// raise keeps trivially destructible locals only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(RUNTIME_LUA54)
#define RUNTIME_ENGINE lua54
#define RUNTIME_ENGINE_NAME "lua54"
extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
}
#elif defined(RUNTIME_LUAJIT)
#define RUNTIME_ENGINE luajit
#define RUNTIME_ENGINE_NAME "luajit"
extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
}
#else
#error "compile with RUNTIME_LUA54 or RUNTIME_LUAJIT"
#endif

#ifdef RUNTIME_LUAJIT

using lua_Unsigned = std::uint64_t;
using lua_KContext = std::ptrdiff_t;

#define LUA_TCDATA 10  // lj_obj.h: the type that lua_type() gives for FFI objects

inline int lua_absindex(lua_State* L, int index) {
  return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}
inline std::size_t lua_rawlen(lua_State* L, int index) { return lua_objlen(L, index); }
inline void lua_rawgetp(lua_State* L, int index, const void* key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, const_cast<void*>(key));
  lua_rawget(L, index);
}
inline void lua_rawsetp(lua_State* L, int index, const void* key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, const_cast<void*>(key));
  lua_insert(L, -2);
  lua_rawset(L, index);
}
inline void lua_pushglobaltable(lua_State* L) { lua_pushvalue(L, LUA_GLOBALSINDEX); }
#define lua_newuserdatauv(L, size, values) lua_newuserdata(L, size)
inline void lua_rotate(lua_State* L, int index, int n) {
  index = lua_absindex(L, index);
  for (; n > 0; --n) lua_insert(L, index);
  for (; n < 0; ++n) {
    lua_pushvalue(L, index);
    lua_remove(L, index);
  }
}
inline int lua_resume(lua_State* co, lua_State*, int args, int* results) {
  const int status = lua_resume(co, args);
  *results = lua_gettop(co);
  return status;
}
// A coroutine that failed is of no use afterwards; nothing in it waits to be closed.
inline int lua_closethread(lua_State*, lua_State*) { return LUA_OK; }

inline const char* luaL_tolstring(lua_State* L, int index, std::size_t* size) {
  index = lua_absindex(L, index);
  if (luaL_callmeta(L, index, "__tostring")) {
    if (!lua_isstring(L, -1)) luaL_error(L, "'__tostring' must return a string");
  } else {
    switch (lua_type(L, index)) {
      case LUA_TNUMBER:
      case LUA_TSTRING: lua_pushvalue(L, index); break;
      case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false"); break;
      case LUA_TNIL: lua_pushliteral(L, "nil"); break;
      default:
        lua_getglobal(L, "tostring");  // int64_t cdata print as 123LL only through the library
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
    }
  }
  return lua_tolstring(L, -1, size);
}
inline void luaL_requiref(lua_State* L, const char* name, lua_CFunction open, int global) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  luaL_findtable(L, LUA_REGISTRYINDEX, "_LOADED", 16);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  if (global) {
    lua_pushvalue(L, -1);
    lua_setglobal(L, name);
  }
}
#ifndef LUA_LOADED_TABLE
#define LUA_LOADED_TABLE "_LOADED"
#endif

#else  // Lua 5.4

#if LUA_VERSION_RELEASE_NUM < 50406
inline int lua_closethread(lua_State* co, lua_State*) { return lua_resetthread(co); }
#endif

#endif

namespace runtime::RUNTIME_ENGINE {

// Whether a number has no fraction and fits 64 bits, and which one it is; *value is of no use if not.
inline bool whole_number(double number, std::int64_t* value) {
  if (!(number >= -0x1p63 && number < 0x1p63)) return false;
  *value = static_cast<std::int64_t>(number);
  return static_cast<double>(*value) == number;
}

// A whole number of 64 bits. On LuaJIT a number is a double: values that it cannot hold exactly
// (beyond 2^53) are pushed as int64_t cdata, the engine's own 64-bit integer. May raise (memory).
void push_int64(lua_State* L, std::int64_t value);

// Whether the value at `index` is a whole number that fits 64 bits, and which: a Lua 5.4 integer;
// on LuaJIT a number without fraction of at most 2^53, or int64_t / uint64_t cdata. A 5.4 float is
// not, even 1.0.
bool to_int64(lua_State* L, int index, std::int64_t* value);

// Same, as an argument of a function: raises "bad argument #index ... (number expected ...)" for
// anything else; a 5.4 float without fraction and a numeric string are accepted, as
// luaL_checkinteger does.
std::int64_t check_int64(lua_State* L, int index);

// As lua_tolstring(), but a whole number keeps all its digits: LuaJIT rounds those of more than 14, and
// int64_t / uint64_t cdata are no numbers to it.
#ifdef RUNTIME_LUAJIT
const char* number_text(lua_State* L, int index, std::size_t* size);
inline const char* to_text(lua_State* L, int index, std::size_t* size) {
  const int type = lua_type(L, index);
  if (type == LUA_TNUMBER || type == LUA_TCDATA) return number_text(L, index, size);
  return lua_tolstring(L, index, size);
}
#else
inline const char* to_text(lua_State* L, int index, std::size_t* size) {
  return lua_tolstring(L, index, size);
}
#endif

// The bytes of the string at `index`, valid as long as it is on the stack; a number becomes its
// text, as everywhere in Lua. Raises for anything else.
inline std::string_view check_string(lua_State* L, int index) {
  std::size_t size;
  const char* bytes = luaL_checklstring(L, index, &size);
  return {bytes, size};
}

// Pushes the table with weak keys that the registry has under `key`, an address; makes it when
// there is none. May raise.
void push_weak_table(lua_State* L, const void* key);

// Pushes a coroutine of the same state. It may be L itself.
inline void push_coroutine(lua_State* L, lua_State* co) {
  lua_pushthread(co);
  if (co != L) lua_xmove(co, L, 1);
}

// Calls f, which gets `data` as a light userdata; nothing raises, and nothing is left on the stack.
// Returns LUA_OK, or what went wrong. The stack has room for two values.
inline int call_protected(lua_State* L, lua_CFunction f, void* data) {
#ifdef RUNTIME_LUAJIT
  const int status = lua_cpcall(L, f, data);  // makes the closure inside of the protection
#else
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, data);
  const int status = lua_pcall(L, 1, 0, 0);
#endif
  if (status != LUA_OK) lua_pop(L, 1);
  return status;
}

// The object behind userdata of the type T::kLuaType; raises for anything else.
template <class T>
T& check_object(lua_State* L, int index) {
  return *static_cast<T*>(luaL_checkudata(L, index, T::kLuaType));
}

}  // namespace runtime::RUNTIME_ENGINE

// Makes `open` (an int(lua_State*)) the entry point luaopen_NAME of a shared module. A LuaJIT state
// loads only objects that carry the marker: one built for Lua 5.4 would bind to the wrong library
// and crash.
#ifdef RUNTIME_LUAJIT
#define RUNTIME_LUA_MODULE_MARKER \
  extern "C" __attribute__((visibility("default"), used)) const int runtime_luajit_module = 1;
#else
#define RUNTIME_LUA_MODULE_MARKER \
  extern "C" __attribute__((visibility("default"), used)) const int runtime_lua54_module = 1;
#endif
#define RUNTIME_LUA_OPEN(name, open)                                                   \
  extern "C" __attribute__((visibility("default"))) int luaopen_##name(lua_State* L) { \
    return runtime::RUNTIME_ENGINE::open(L);                                           \
  }
