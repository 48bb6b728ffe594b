// skynet.codecache: what Lua sees of the cache of compiled files.
#include "lua/code_cache.h"
#include "lua/state_image.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr const char* kModes[] = {"ON", "OFF", "EXIST", nullptr};  // in the order of CacheMode

// clear(): the next load of any file reads it again, in every service of this engine.
int l_clear(lua_State*) {
  clear_code();
  clear_images();
  return 0;
}

// name = mode() | mode(name): of this Lua state.
int l_mode(lua_State* L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushstring(L, kModes[static_cast<int>(cache_mode(L))]);
    return 1;
  }
  set_cache_mode(L, static_cast<CacheMode>(luaL_checkoption(L, 1, nullptr, kModes)));
  return 0;
}

}  // namespace

int open_codecache(lua_State* L) {
  const luaL_Reg functions[] = {{"clear", l_clear}, {"mode", l_mode}, {nullptr, nullptr}};
  luaL_newlib(L, functions);
  push_loadfile(L);
  lua_setfield(L, -2, "loadfile");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
