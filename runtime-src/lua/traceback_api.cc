// Part of the copy of Lua 5.4's library, as shared_api.cc is. Lua names a native function after the first module in
// package.loaded that has it, in the order of a hash: skynet.call would now and then be skynet.native.call. (LuaJIT's
// tracebacks name no modules.)
#include "lua/engine.h"
#include "lua/internal_modules.h"

extern "C" {

// The library's own: the build has renamed it.
void stock_luaL_traceback(lua_State* L, lua_State* of, const char* message, int level);

__attribute__((visibility("default"))) void luaL_traceback(lua_State* L, lua_State* of,
                                                           const char* message, int level) {
  // By itself, so that nothing in the message is taken for a name.
  stock_luaL_traceback(L, of, nullptr, level);
  luaL_checkstack(L, 3, nullptr);
  for (const char* module : runtime::kInternalModules) {
    const char* name = lua_pushfstring(L, "in function '%s.", module);
    luaL_gsub(L, lua_tostring(L, -2), name, "in function 'skynet.");
    lua_replace(L, -3);  // the text of before
    lua_pop(L, 1);
  }
  if (message == nullptr) return;
  lua_pushfstring(L, "%s\n%s", message, lua_tostring(L, -1));
  lua_remove(L, -2);
}
}
