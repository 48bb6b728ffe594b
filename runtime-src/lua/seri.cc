#include "lua/seri.h"

#include <cstdlib>

#include "lua-seri.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// The bytes of a message argument (pointer at 1, size at 2), or of a string at 1.
struct Bytes {
  const void* data;
  std::size_t size;
};

Bytes check_message(lua_State* L) {
  const std::int64_t size = check_int64(L, 2);
  luaL_argcheck(L, size >= 0, 2, "size is negative");
  const void* data = lua_touserdata(L, 1);
  if (size == 0) return {nullptr, 0};
  luaL_argcheck(L, data == nullptr || userdata_has(L, 1, size), 2,
                "size is larger than the userdata");
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

int l_pack(lua_State* L) {
  const Packed packed = pack(L, 1);
  last_packed = {packed.data, packed.size == 0 ? 0 : given_bytes(packed.data, packed.size)};
  take_bytes(last_packed.bytes);
  lua_pushlightuserdata(L, packed.data);
  lua_pushinteger(L, static_cast<lua_Integer>(packed.size));
  return 2;
}

int l_packstring(lua_State* L) {
  push_packed(L, 1);
  return 1;
}

int l_unpack(lua_State* L) {
  if (lua_isnoneornil(L, 1)) return 0;
  Bytes bytes;
  if (lua_type(L, 1) == LUA_TSTRING) {
    bytes.data = lua_tolstring(L, 1, &bytes.size);
  } else {
    bytes = check_message(L);
    if (bytes.size != 0 && bytes.data == nullptr) return luaL_error(L, "deserialize null pointer");
  }
  return unpack_or_raise(L, bytes.data, bytes.size);
}

int l_tostring(lua_State* L) {
  if (lua_isnoneornil(L, 1)) return 0;
  if (lua_type(L, 1) == LUA_TSTRING) {
    lua_settop(L, 1);
    return 1;
  }
  const Bytes bytes = check_message(L);
  if (bytes.size != 0 && bytes.data == nullptr) return luaL_error(L, "tostring of a null pointer");
  lua_pushlstring(L, static_cast<const char*>(bytes.data), bytes.size);
  return 1;
}

int l_trash(lua_State* L) {
  switch (lua_type(L, 1)) {
    case LUA_TSTRING: return 0;
    case LUA_TLIGHTUSERDATA:
      check_int64(L, 2);
      std::free(lua_touserdata(L, 1));
      return 0;
    default: return luaL_error(L, "skynet.trash invalid param %s", lua_typename(L, lua_type(L, 1)));
  }
}

}  // namespace runtime::RUNTIME_ENGINE

// include/lua-seri.h
extern "C" {
__attribute__((visibility("default"))) int luaseri_pack(lua_State* L) {
  return runtime::RUNTIME_ENGINE::l_pack(L);
}
__attribute__((visibility("default"))) int luaseri_unpack(lua_State* L) {
  return runtime::RUNTIME_ENGINE::l_unpack(L);
}
}
