// Strings that go where a zero byte ends them: names, addresses, commands, files.
#pragma once

#include "lua/arguments.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// The string at `index`, as luaL_checkstring gives it. Raises when it has a zero byte, at which it
// would be cut without a word.
inline const char* check_c_string(lua_State* L, int index) {
  std::size_t size;
  const char* text = luaL_checklstring(L, index, &size);
  if (std::strlen(text) != size) {
    luaL_argerror(L, index, lua_pushfstring(L, "a zero byte after '%s'", text));
  }
  return text;
}

// The same; null when the argument is absent.
inline const char* opt_c_string(lua_State* L, int index) {
  return lua_isnoneornil(L, index) ? nullptr : check_c_string(L, index);
}

}  // namespace runtime::RUNTIME_ENGINE
