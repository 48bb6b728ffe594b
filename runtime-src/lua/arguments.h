// The checks of arguments, whose errors name a function as programs know it: skynet.call, not the
// internal table that was loaded first (Lua 5.4's own) nor '?' where it was called through pcall
// (LuaJIT's). A file that includes this one, last, has them in the place of lauxlib's: all that
// have functions for Lua. Shared modules link arguments.cc (lualib-src/modules.mk).
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Raises "bad argument #N to 'NAME' (TEXT)".
int argument_error(lua_State* L, int index, const char* text);
// Raises "bad argument #N to 'NAME' (EXPECTED expected, got TYPE)".
int type_error(lua_State* L, int index, const char* expected);

// As luaL_checkoption().
int check_option(lua_State* L, int index, const char* otherwise, const char* const* options);

inline lua_Number check_number(lua_State* L, int index) {
  if (!lua_isnumber(L, index)) [[unlikely]]
    type_error(L, index, "number");
  return lua_tonumber(L, index);
}

inline lua_Integer check_integer(lua_State* L, int index) {
#ifdef RUNTIME_LUA54
  int is_integer;
  const lua_Integer value = lua_tointegerx(L, index, &is_integer);
  if (!is_integer) [[unlikely]] {
    check_number(L, index);
    argument_error(L, index, "number has no integer representation");
  }
  return value;
#else
  std::int64_t value = 0;
  if (!whole_number(check_number(L, index), &value)) [[unlikely]]
    argument_error(L, index, "number has no integer representation");
  return value;
#endif
}

inline const char* check_lstring(lua_State* L, int index, std::size_t* size) {
  const char* text = to_text(L, index, size);
  if (text == nullptr) [[unlikely]]
    type_error(L, index, "string");
  return text;
}

inline void check_type(lua_State* L, int index, int type) {
  if (lua_type(L, index) != type) [[unlikely]]
    type_error(L, index, lua_typename(L, type));
}

inline void check_any(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TNONE) [[unlikely]]
    argument_error(L, index, "value expected");
}

inline void* check_userdata(lua_State* L, int index, const char* type) {
  void* block = lua_touserdata(L, index);
  if (block != nullptr && lua_getmetatable(L, index)) {
    luaL_getmetatable(L, type);
    const bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (same) return block;
  }
  type_error(L, index, type);
  return nullptr;
}

// Whether the userdata at `index` has `size` bytes, which is not negative. Of a light one nobody knows.
inline bool userdata_has(lua_State* L, int index, std::int64_t size) {
  return lua_islightuserdata(L, index) || static_cast<std::size_t>(size) <= lua_rawlen(L, index);
}

// As check_string() and check_object() in engine.h.
inline std::string_view check_text(lua_State* L, int index) {
  std::size_t size;
  const char* bytes = check_lstring(L, index, &size);
  return {bytes, size};
}

template <class T>
T& check_held(lua_State* L, int index) {
  return *static_cast<T*>(check_userdata(L, index, T::kLuaType));
}

inline lua_Integer opt_integer(lua_State* L, int index, lua_Integer otherwise) {
  return lua_isnoneornil(L, index) ? otherwise : check_integer(L, index);
}

inline lua_Number opt_number(lua_State* L, int index, lua_Number otherwise) {
  return lua_isnoneornil(L, index) ? otherwise : check_number(L, index);
}

inline const char* opt_lstring(lua_State* L, int index, const char* otherwise, std::size_t* size) {
  if (!lua_isnoneornil(L, index)) return check_lstring(L, index, size);
  if (size != nullptr) *size = otherwise != nullptr ? std::strlen(otherwise) : 0;
  return otherwise;
}

// As check_int64() in engine.h.
inline std::int64_t check_whole(lua_State* L, int index) {
#ifdef RUNTIME_LUA54
  return check_integer(L, index);
#else
  std::int64_t value;
  return to_int64(L, index, &value) ? value : check_integer(L, index);
#endif
}

}  // namespace runtime::RUNTIME_ENGINE

// On LuaJIT these are macros already (luajit_names.h).
#undef luaL_argerror
#undef luaL_checknumber
#undef luaL_checkinteger
#undef luaL_checklstring
#undef luaL_checktype
#undef luaL_checkany
#undef luaL_checkudata
#undef luaL_checkoption
#undef luaL_optinteger
#undef luaL_optnumber
#undef luaL_optlstring
#define check_int64 check_whole
#define check_string check_text
#define check_object check_held
#define luaL_argerror runtime::RUNTIME_ENGINE::argument_error
#define luaL_checknumber runtime::RUNTIME_ENGINE::check_number
#define luaL_checkinteger runtime::RUNTIME_ENGINE::check_integer
#define luaL_checklstring runtime::RUNTIME_ENGINE::check_lstring
#define luaL_checktype runtime::RUNTIME_ENGINE::check_type
#define luaL_checkany runtime::RUNTIME_ENGINE::check_any
#define luaL_checkudata runtime::RUNTIME_ENGINE::check_userdata
#define luaL_checkoption runtime::RUNTIME_ENGINE::check_option
#define luaL_optinteger runtime::RUNTIME_ENGINE::opt_integer
#define luaL_optnumber runtime::RUNTIME_ENGINE::opt_number
#define luaL_optlstring runtime::RUNTIME_ENGINE::opt_lstring
