// Objects of C++ that Lua code holds: a userdata with the object in it, destroyed by the collector.
//
// A type T has a `static constexpr const char* kLuaType`, the name of its metatable. The functions
// that work on it are closures whose first upvalue is that metatable: comparing it is much cheaper
// than the look-up by name of luaL_checkudata.
#pragma once

#include <memory>
#include <new>
#include <type_traits>

#include "lua/arguments.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// The T at `index`, or null. For functions of define_type() or set_functions().
template <class T>
T* test_object(lua_State* L, int index) {
  if (!lua_isuserdata(L, index) || !lua_getmetatable(L, index)) return nullptr;
  const bool same = lua_rawequal(L, -1, lua_upvalueindex(1));
  lua_pop(L, 1);
  return same ? static_cast<T*>(lua_touserdata(L, index)) : nullptr;
}

// The T at `index`; raises for anything else. For functions of define_type() or set_functions().
template <class T>
T& self(lua_State* L, int index) {
  if (T* object = test_object<T>(L, index)) return *object;
  return *static_cast<T*>(luaL_checkudata(L, index, T::kLuaType));  // raises, and says what came
}

// The __gc of a T. Takes the metatable away: a later use fails in self().
template <class T>
int destroy_object(lua_State* L) {
  T& object = self<T>(L, 1);
  lua_pushnil(L);
  lua_setmetatable(L, 1);
  std::destroy_at(&object);
  return 0;
}

// Adds `functions` to the table on the top of the stack; each gets the metatable of T as its first
// upvalue.
template <class T>
void set_functions(lua_State* L, const luaL_Reg* functions) {
  luaL_getmetatable(L, T::kLuaType);
  luaL_setfuncs(L, functions, 1);
}

// Makes the metatable of T, once per Lua state, with `methods` under __index.
template <class T>
void define_type(lua_State* L, const luaL_Reg* methods) {
  if (luaL_newmetatable(L, T::kLuaType)) {
    lua_newtable(L);
    set_functions<T>(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, destroy_object<T>, 1);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
}

// A T with a member kOwnTable has a Lua table of its own, which lives as long as it.
template <class T>
constexpr int kTables = requires {
  T::kOwnTable;
}
? 1 : 0;

// Takes the table on the top of the stack for the object at `index`.
inline void set_own_table(lua_State* L, int index) {
#ifdef RUNTIME_LUAJIT
  lua_setfenv(L, index);
#else
  lua_setiuservalue(L, index, 1);
#endif
}

// Pushes the table of the object at `index`.
inline void push_own_table(lua_State* L, int index) {
#ifdef RUNTIME_LUAJIT
  lua_getfenv(L, index);
#else
  lua_getiuservalue(L, index, 1);
#endif
}

// Puts a T into the userdata at the top of the stack but one, whose metatable is on the top; pops the latter.
template <class T, class... Args>
T& construct_object(lua_State* L, void* block, Args... args) {
  static_assert((std::is_trivially_destructible_v<Args> && ...), "a raise would leak the argument");
  static_assert(std::is_nothrow_constructible_v<T, Args...>, "no exception may cross Lua");
  static_assert(alignof(T) <= alignof(void*), "userdata is aligned for a pointer only");
  T* object = new (block) T(args...);
  lua_setmetatable(L, -2);  // from here on the collector destroys it
  return *object;
}

// Makes a T that the collector owns and leaves it on the stack. Raises when memory runs out. Only
// in a function of set_functions().
template <class T, class... Args>
T& push_object(lua_State* L, Args... args) {
  void* block = lua_newuserdatauv(L, sizeof(T), kTables<T>);  // the last call that may raise
  lua_pushvalue(L, lua_upvalueindex(1));
  return construct_object<T>(L, block, args...);
}

// The same in any function, once define_type() has made the metatable.
template <class T, class... Args>
T& push_object_by_name(lua_State* L, Args... args) {
  void* block = lua_newuserdatauv(L, sizeof(T), kTables<T>);
  luaL_getmetatable(L, T::kLuaType);  // the last call that may raise
  return construct_object<T>(L, block, args...);
}

}  // namespace runtime::RUNTIME_ENGINE
