#include "lua/newer_names.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

#ifdef RUNTIME_LUAJIT

namespace {

// table.pack(...) -> { n = how many, ... }
int l_table_pack(lua_State* L) {
  const int count = lua_gettop(L);
  lua_createtable(L, count, 1);
  lua_insert(L, 1);
  for (int i = count; i >= 1; --i) lua_rawseti(L, 1, i);
  lua_pushinteger(L, count);
  lua_setfield(L, 1, "n");
  return 1;
}

// math.tointeger(value) -> the number, if it is a whole one of 64 bits, also as a string; else nil
int l_tointeger(lua_State* L) {
  luaL_checkany(L, 1);
  std::int64_t whole;
  if (to_int64(L, 1, &whole)) {
    lua_settop(L, 1);
  } else if (lua_isnumber(L, 1) && whole_number(lua_tonumber(L, 1), &whole)) {
    lua_pushnumber(L, lua_tonumber(L, 1));
  } else {
    lua_pushnil(L);
  }
  return 1;
}

}  // namespace

void install_newer_names(lua_State* L) {
  lua_getglobal(L, LUA_TABLIBNAME);
  lua_pushcfunction(L, l_table_pack);
  lua_setfield(L, -2, "pack");
  lua_getglobal(L, "unpack");
  lua_setfield(L, -2, "unpack");
  lua_pop(L, 1);
}

void add_newer_math(lua_State* L, int index) {
  index = lua_absindex(L, index);
  lua_pushcfunction(L, l_tointeger);
  lua_setfield(L, index, "tointeger");
}

#endif

}  // namespace runtime::RUNTIME_ENGINE
