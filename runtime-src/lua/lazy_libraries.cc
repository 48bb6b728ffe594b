#include "lua/lazy_libraries.h"

#include "lua/newer_names.h"
#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr luaL_Reg kEager[] = {
#ifdef RUNTIME_LUAJIT
    {"", luaopen_base},
    {LUA_JITLIBNAME, luaopen_jit},
#else
    {LUA_GNAME, luaopen_base},          {LUA_COLIBNAME, luaopen_coroutine},
#endif
    {LUA_LOADLIBNAME, luaopen_package},
    {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string},
};

constexpr luaL_Reg kLazy[] = {
    {LUA_IOLIBNAME, luaopen_io},     {LUA_OSLIBNAME, luaopen_os},
    {LUA_MATHLIBNAME, luaopen_math}, {LUA_DBLIBNAME, luaopen_debug},
#ifdef RUNTIME_LUAJIT
    {LUA_BITLIBNAME, luaopen_bit},
#else
    {LUA_UTF8LIBNAME, luaopen_utf8},
#endif
};

// Its address is the key in the registry: the metatable of libraries that are not open.
char metatable_key;

// Pushes the library of that luaL_Reg, open.
int open_library(lua_State* L) {
  const auto& library = *static_cast<const luaL_Reg*>(lua_touserdata(L, 1));
  lua_pushcfunction(L, library.func);
  lua_pushstring(L, library.name);
  lua_call(L, 1, 1);
#ifdef RUNTIME_LUAJIT
  if (library.func == luaopen_math) add_newer_math(L, -1);
#endif
  return 1;
}

// Opens `library` into its table at `index`, which keeps what it has.
void open(lua_State* L, int index, const luaL_Reg& library) {
#ifdef RUNTIME_LUAJIT
  lua_pushnil(L);
  stock_lua_setmetatable(L, index);
#endif
  lua_pushcfunction(L, open_library);
  lua_pushlightuserdata(L, const_cast<luaL_Reg*>(&library));
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    // Memory ran out: the next look tries again.
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    stock_lua_setmetatable(L, index);
    lua_error(L);
  }
  // LuaJIT fills the table that package.loaded has; Lua 5.4 makes one.
  if (!lua_rawequal(L, -1, index)) {
    for (lua_pushnil(L); stock_lua_next(L, -2) != 0; lua_pop(L, 1)) {
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      stock_lua_rawset(L, index);
    }
    lua_pushnil(L);
    stock_lua_setmetatable(L, index);
  }
  lua_pop(L, 1);
}

// If the table at `index` is a library that is not open, opens it. May raise.
bool open_if_lazy(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !stock_lua_getmetatable(L, index)) return false;
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  const bool lazy = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  if (!lazy) return false;
  luaL_checkstack(L, 8, nullptr);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (const luaL_Reg& library : kLazy) {
    lua_getfield(L, -1, library.name);
    const bool found = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    if (!found) continue;
    open(L, index, library);
    break;
  }
  lua_pop(L, 1);
  return true;
}

int l_index(lua_State* L) {
  lua_settop(L, 2);
  open_if_lazy(L, 1);
  stock_lua_rawget(L, 1);
  return 1;
}

int l_newindex(lua_State* L) {
  lua_settop(L, 3);
  open_if_lazy(L, 1);
  stock_lua_rawset(L, 1);
  return 0;
}

}  // namespace

void open_standard_libraries(lua_State* L) {
  for (const luaL_Reg& library : kEager) {
#ifdef RUNTIME_LUAJIT
    lua_pushcfunction(L, library.func);
    lua_pushstring(L, library.name);
    lua_call(L, 1, 0);
#else
    luaL_requiref(L, library.name, library.func, 1);
    lua_pop(L, 1);
#endif
  }
#ifdef RUNTIME_LUAJIT
  luaL_findtable(L, LUA_REGISTRYINDEX, "_PRELOAD", 1);
  lua_pushcfunction(L, luaopen_ffi);
  lua_setfield(L, -2, LUA_FFILIBNAME);
  lua_pop(L, 1);
#endif
  set_fill_lazy_table(open_if_lazy);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, l_index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_newindex);
  lua_setfield(L, -2, "__newindex");
#ifdef RUNTIME_LUAJIT
  // Makes the wrappers of shared_base.cc, which know no other way, go through the C API.
  lua_pushlightuserdata(L, const_cast<char*>(&shared_node_key));
  lua_setfield(L, -2, "__metatable");
#endif
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (const luaL_Reg& library : kLazy) {
    lua_newtable(L);
    lua_pushvalue(L, -3);
    stock_lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, library.name);
    lua_setglobal(L, library.name);
  }
  lua_pop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}

void open_lazy_libraries(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (const luaL_Reg& library : kLazy) {
    lua_getfield(L, -1, library.name);
    open_if_lazy(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

}  // namespace runtime::RUNTIME_ENGINE
