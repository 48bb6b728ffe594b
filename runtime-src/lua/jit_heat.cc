#include "lua/jit_heat.h"

#ifdef RUNTIME_LUAJIT

namespace runtime::RUNTIME_ENGINE {

constinit thread_local std::uint32_t JitHeat::turns_of_thread = 0;

void JitHeat::cool(lua_State* main) {
  // Without memory for that the counters go on.
  call_protected(main, l_cool, nullptr);
}

// To turn the compiler off and on sets all counters back. A program that has turned it off keeps it so.
int JitHeat::l_cool(lua_State* L) {
  luaL_findtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE, 1);
  lua_getfield(L, -1, "jit");
  if (!lua_istable(L, -1)) return 0;
  lua_getfield(L, -1, "status");
  if (!lua_iscfunction(L, -1)) return 0;
  lua_call(L, 0, 1);
  if (!lua_toboolean(L, -1)) return 0;
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
  return 0;
}

}  // namespace runtime::RUNTIME_ENGINE

#endif
