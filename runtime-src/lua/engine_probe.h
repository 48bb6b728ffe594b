// Looks whether the engine is the one whose insides are known here: what is read there without its interface is compared
// with what the interface tells, once in a process.
//
// Threads: any.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Calls `look`, with the address of a bool as its argument, in a state of its own, so that no garbage of a service is
// collected meanwhile. What that bool is then; false without memory for the state, or when `look` raises before it sets it.
inline bool probe_engine(lua_CFunction look) {
  bool known = false;
  lua_State* L = luaL_newstate();
  if (L == nullptr) return false;
  call_protected(L, look, &known);
  lua_close(L);
  return known;
}

}  // namespace runtime::RUNTIME_ENGINE
