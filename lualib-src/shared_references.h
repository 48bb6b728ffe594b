// Finds every place of a Lua state that refers to one of some tables, and puts something else
// there.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// For each pair face -> other of the table at `replacements`, `other` takes the place of `face`
// (false: nil does) in tables, their keys and metatables, in upvalues, user values, the registry,
// and in the stacks of all threads that can be reached, but for the function that runs now. Runs no
// Lua code. May raise for want of memory, in the middle of its work; it can be called again.
void replace_shared_references(lua_State* L, int replacements);

}  // namespace runtime::RUNTIME_ENGINE
