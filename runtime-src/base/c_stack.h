// How much of its stack a thread has left. LuaJIT does not look: what calls back into Lua from C,
// and is called by that again, would run off the end of it.
//
// Threads: any; each asks about its own stack.
#pragma once

#include <cstddef>

namespace runtime {

// Makes threads that are created from now on have a stack for deep recursion, unless the system's
// own is larger. Costs address space; pages come as they are used.
void use_large_stacks();

// Whether the rest is enough for everything that one coroutine may do without asking again.
bool has_stack_left();

}  // namespace runtime
