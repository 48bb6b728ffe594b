// Objects of C++ that a function called by Lua needs until it returns: in a userdata, so that the
// collector destroys them when the function is left by a raise. Lua code never sees them. (object.h
// is for those it sees.)
#pragma once

#include <memory>
#include <new>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

template <class T>
int release_held(lua_State* L) {
  std::destroy_at(static_cast<T*>(lua_touserdata(L, 1)));
  lua_pushnil(L);
  lua_setmetatable(L, 1);
  return 0;
}

// Makes a T, whose metatable has the name T::kLuaType, and leaves it on the stack. Raises for want
// of memory.
template <class T>
T& push_held(lua_State* L) {
  static_assert(alignof(T) <= alignof(void*), "userdata is aligned for a pointer only");
  void* block = lua_newuserdatauv(L, sizeof(T), 0);
  if (luaL_newmetatable(L, T::kLuaType)) {
    lua_pushcfunction(L, release_held<T>);
    lua_setfield(L, -2, "__gc");
  }
  T* object = new (block) T;
  lua_setmetatable(L, -2);
  return *object;
}

}  // namespace runtime::RUNTIME_ENGINE
