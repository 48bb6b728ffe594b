#include "lua/engine.h"

#include <cinttypes>
#include <cmath>
#include <cstdio>

namespace runtime::RUNTIME_ENGINE {

#ifdef RUNTIME_LUAJIT

namespace {

constexpr double kExactLimit = 9007199254740992.0;  // 2^53
constexpr double kRounded = 1e14;                   // from here on a number's text is rounded

// LuaJIT's C API cannot make or inspect cdata, the FFI can. The literal makes the parser load the
// FFI, whether or not the state has required it, and register it in package.loaded.
constexpr char kHelperSource[] =
    "local ffi, zero = ..., 0LL\n"
    "local istype, int64, uint64 = ffi.istype, ffi.typeof 'int64_t', ffi.typeof 'uint64_t'\n"
    "return function(high, low) return int64(high) * 4294967296LL + int64(low) end,\n"
    "  function(value)\n"
    "    return istype(int64, value) and 1 or istype(uint64, value) and 2 or 0\n"
    "  end\n";

// Their addresses are registry keys: of the function that makes an int64_t, of the one for the
// kind.
char make_key, kind_key;

enum CdataKind { kOtherCdata = 0, kInt64 = 1, kUint64 = 2 };

// Pushes one of the helpers; makes both when the state has none yet. Raises when the FFI is
// missing.
void push_helper(lua_State* L, const char* key) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  luaL_findtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE, 1);
  if (luaL_loadbuffer(L, kHelperSource, sizeof(kHelperSource) - 1, "=int64") != 0) lua_error(L);
  lua_getfield(L, -2, "ffi");
  lua_call(L, 1, 2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kind_key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &make_key);
  lua_pop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
}

CdataKind cdata_kind(lua_State* L, int index) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, nullptr);
  push_helper(L, &kind_key);
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  const int kind = static_cast<int>(lua_tointeger(L, -1));
  lua_pop(L, 1);
  return static_cast<CdataKind>(kind);
}

}  // namespace

void push_int64(lua_State* L, std::int64_t value) {
  const auto number = static_cast<double>(value);
  if (number >= -kExactLimit && number <= kExactLimit) {
    // Values next to 2^53 round to it: those are not exact.
    if (static_cast<std::int64_t>(number) == value) {
      lua_pushnumber(L, number);
      return;
    }
  }
  luaL_checkstack(L, 4, nullptr);
  push_helper(L, &make_key);
  lua_pushnumber(L, static_cast<double>(value >> 32));
  lua_pushnumber(L, static_cast<double>(value & 0xffffffff));
  lua_call(L, 2, 1);
}

bool to_int64(lua_State* L, int index, std::int64_t* value) {
  const int type = lua_type(L, index);
  if (type == LUA_TNUMBER) {
    const lua_Number number = lua_tonumber(L, index);
    return std::abs(number) <= kExactLimit && whole_number(number, value);
  }
  if (type != LUA_TCDATA) return false;
  const CdataKind kind = cdata_kind(L, index);
  if (kind == kOtherCdata) return false;
  std::int64_t whole;
  std::memcpy(&whole, lua_topointer(L, index), sizeof whole);  // the payload of cdata
  if (kind == kUint64 && whole < 0) return false;              // beyond 2^63
  *value = whole;
  return true;
}

std::int64_t check_int64(lua_State* L, int index) {
  std::int64_t value;
  if (to_int64(L, index, &value)) return value;
  if (!whole_number(luaL_checknumber(L, index), &value)) {
    luaL_argerror(L, index, "number has no integer representation");
  }
  return value;
}

const char* number_text(lua_State* L, int index, std::size_t* size) {
  index = lua_absindex(L, index);
  const CdataKind kind = lua_type(L, index) == LUA_TCDATA ? cdata_kind(L, index) : kOtherCdata;
  std::int64_t whole;
  if (kind != kOtherCdata) {
    std::memcpy(&whole, lua_topointer(L, index), sizeof whole);
  } else if (lua_type(L, index) == LUA_TCDATA || std::abs(lua_tonumber(L, index)) < kRounded ||
             !to_int64(L, index, &whole)) {
    return lua_tolstring(L, index, size);
  }
  char digits[24];
  std::snprintf(digits, sizeof digits, kind == kUint64 ? "%" PRIu64 : "%" PRId64, whole);
  lua_pushstring(L, digits);
  lua_replace(L, index);
  return lua_tolstring(L, index, size);
}

#else  // Lua 5.4

void push_int64(lua_State* L, std::int64_t value) { lua_pushinteger(L, value); }

bool to_int64(lua_State* L, int index, std::int64_t* value) {
  if (!lua_isinteger(L, index)) return false;
  *value = lua_tointeger(L, index);
  return true;
}

std::int64_t check_int64(lua_State* L, int index) { return luaL_checkinteger(L, index); }

#endif

void push_weak_table(lua_State* L, const void* key) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

}  // namespace runtime::RUNTIME_ENGINE
