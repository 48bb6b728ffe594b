#include "lua/shared_base.h"

#include <string>

#include "lua/shared_api.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

#ifdef RUNTIME_LUA54

void install_shared_base(lua_State*) {}

#else

namespace {

constexpr char kSource[] =
    "local mark, shared_next, shared_inext, shared_get, shared_unpack, shared_array = ...\n"
    "local getmetatable, next, pairs, ipairs = getmetatable, next, pairs, ipairs\n"
    "local rawget, unpack, concat, move = rawget, unpack, table.concat, table.move\n"
    "local _G = _G\n"
    "function _G.getmetatable(object)\n"
    "  local metatable = getmetatable(object)\n"
    "  if metatable == mark then return nil end\n"
    "  return metatable\n"
    "end\n"
    "function _G.next(t, key)\n"
    "  if getmetatable(t) == mark then return shared_next(t, key) end\n"
    "  return next(t, key)\n"
    "end\n"
    "function _G.pairs(t)\n"
    "  if getmetatable(t) == mark then return shared_next, t, nil end\n"
    "  return pairs(t)\n"
    "end\n"
    "function _G.ipairs(t)\n"
    "  if getmetatable(t) == mark then return shared_inext, t, 0 end\n"
    "  return ipairs(t)\n"
    "end\n"
    "function _G.rawget(t, key)\n"
    "  if getmetatable(t) == mark then return shared_get(t, key) end\n"
    "  return rawget(t, key)\n"
    "end\n"
    "function _G.unpack(t, i, j)\n"
    "  if getmetatable(t) == mark then return shared_unpack(t, i, j) end\n"
    "  return unpack(t, i, j)\n"
    "end\n"
    "function table.concat(t, separator, i, j)\n"
    "  if getmetatable(t) == mark then t = shared_array(t) end\n"
    "  return concat(t, separator, i, j)\n"
    "end\n"
    "function table.move(from, first, last, at, to)\n"
    "  if getmetatable(from) ~= mark then return move(from, first, last, at, to) end\n"
    "  if to == nil then to = from end\n"
    "  for i = 0, last - first do to[at + i] = from[first + i] end\n"
    "  return to\n"
    "end\n";

// A part that an update has taken away leads to no data. Its __index says so.
void check_alive(lua_State* L) {
  if (shared_node(L, 1) == nullptr) lua_getfield(L, 1, "");
}

// key, value = shared_next(t [, key]); nil at the end
int l_shared_next(lua_State* L) {
  check_alive(L);
  lua_settop(L, 2);
  if (lua_next(L, 1)) return 2;
  lua_pushnil(L);
  return 1;
}

// i + 1, t[i + 1] = shared_inext(t, i); nil at the end
int l_shared_inext(lua_State* L) {
  check_alive(L);
  const auto i = static_cast<int>(luaL_checkinteger(L, 2)) + 1;
  lua_pushinteger(L, i);
  lua_rawgeti(L, 1, i);
  return lua_isnil(L, -1) ? 1 : 2;
}

// value = shared_get(t, key), also for keys that t[key] refuses
int l_shared_get(lua_State* L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_rawget(L, 1);
  return 1;
}

// ... = shared_unpack(t [, i [, j]])
int l_shared_unpack(lua_State* L) {
  check_alive(L);
  const lua_Integer i = luaL_optinteger(L, 2, 1);
  const lua_Integer j = luaL_optinteger(L, 3, static_cast<lua_Integer>(lua_objlen(L, 1)));
  if (i > j) return 0;
  if (j - i >= LUAI_MAXCSTACK || !lua_checkstack(L, static_cast<int>(j - i + 1))) {
    return luaL_error(L, "too many results to unpack");
  }
  for (lua_Integer k = i; k <= j; ++k) lua_rawgeti(L, 1, static_cast<int>(k));
  return static_cast<int>(j - i + 1);
}

// array = shared_array(t): an ordinary table with the elements 1..#t
int l_shared_array(lua_State* L) {
  check_alive(L);
  const auto n = static_cast<int>(lua_objlen(L, 1));
  lua_createtable(L, n, 0);
  for (int i = 1; i <= n; ++i) {
    lua_rawgeti(L, 1, i);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

// The wrappers' bytecode, without what is for debuggers, from a state of its own: compiling is what
// takes long here.
std::string compile() noexcept {
  std::string code;
  lua_State* L = luaL_newstate();
  if (L == nullptr) return code;
  luaL_openlibs(L);
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "dump");
  if (luaL_loadbuffer(L, kSource, sizeof(kSource) - 1, "=shared") == 0) {
    lua_pushboolean(L, 1);
    lua_call(L, 2, 1);
    std::size_t size;
    const char* bytes = lua_tolstring(L, -1, &size);
    code.assign(bytes, size);
  }
  lua_close(L);
  return code;
}

}  // namespace

void install_shared_base(lua_State* L) {
  static const std::string code = compile();
  if (luaL_loadbuffer(L, code.data(), code.size(), "=shared") != 0) lua_error(L);
  lua_pushlightuserdata(L, const_cast<char*>(&shared_node_key));
  lua_pushcfunction(L, l_shared_next);
  lua_pushcfunction(L, l_shared_inext);
  lua_pushcfunction(L, l_shared_get);
  lua_pushcfunction(L, l_shared_unpack);
  lua_pushcfunction(L, l_shared_array);
  lua_call(L, 6, 0);
}

#endif

}  // namespace runtime::RUNTIME_ENGINE
