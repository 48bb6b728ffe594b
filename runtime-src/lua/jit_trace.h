// What LuaJIT forgets when an allocation fails in machine code.
#pragma once

#include "lua/engine.h"

#ifdef RUNTIME_LUAJIT

namespace runtime::RUNTIME_ENGINE {

// To be called before an allocation of the state whose main thread is `main` fails. If that is done
// by machine code, brings the state's idea of its stack up to date, which the machine code lets
// grow old: LuaJIT's error for it (lj_err_mem) reads the frame there, and may find none.
void settle_trace(lua_State* main);

}  // namespace runtime::RUNTIME_ENGINE

#endif
