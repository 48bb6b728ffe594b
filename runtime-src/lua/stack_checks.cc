#include "lua/stack_checks.h"

namespace runtime::RUNTIME_ENGINE {

#ifdef RUNTIME_LUAJIT

namespace {

// The library's own function is upvalue 1, as its address. It runs in the frame of this one, so it
// finds its arguments, and errors name what was called.
int l_checked(lua_State* L) {
  check_stack(L);
  return reinterpret_cast<lua_CFunction>(lua_touserdata(L, lua_upvalueindex(1)))(L);
}

// TABLE[name], of the table at the top, with the check.
void add_check(lua_State* L, const char* name) {
  lua_getfield(L, -1, name);
  const lua_CFunction function = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  if (function == nullptr || function == l_checked) return;
  lua_pushlightuserdata(L, reinterpret_cast<void*>(function));
  lua_pushcclosure(L, l_checked, 1);
  lua_setfield(L, -2, name);
}

}  // namespace

void install_stack_checks(lua_State* L) {
  lua_pushglobaltable(L);
  for (const char* name : {"load", "loadstring", "dofile"}) add_check(L, name);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  add_check(L, "gsub");
  lua_getfield(L, -2, LUA_TABLIBNAME);
  add_check(L, "sort");
  lua_pop(L, 3);
}

#endif

}  // namespace runtime::RUNTIME_ENGINE
