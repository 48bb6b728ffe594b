// A Lua state with the functions that pack and unpack values, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lua/seri.h"

namespace runtime::RUNTIME_ENGINE {

class SeriState : public testing::Test {
 protected:
  SeriState() {
    luaL_openlibs(L);
    lua_register(L, "packstring", l_packstring);
    lua_register(L, "unpack_message", l_unpack);
  }
  ~SeriState() override { lua_close(L); }

  // A chunk's first result, as text; the error message if it raises.
  std::string eval(const std::string& source) {
    lua_settop(L, 0);
    if (luaL_loadstring(L, source.c_str()) == LUA_OK) lua_pcall(L, 0, 1, 0);
    return luaL_tolstring(L, -1, nullptr);
  }

  lua_State* L = luaL_newstate();
};

}  // namespace runtime::RUNTIME_ENGINE
