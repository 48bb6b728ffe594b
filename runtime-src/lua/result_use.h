// Whether a native function's results are of use to whoever has called it.
//
// That is no part of the engine's interface: it is read where the engine keeps it, in the frame of the call. What is
// read is compared with calls of each kind, once in a process; where they differ, all results are of use.
//
// Threads: a state from the thread that runs it.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// True: the native function that runs in L was called by a statement, `f(...)`, which drops what it gives. False: it is
// not known.
bool results_are_dropped(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
