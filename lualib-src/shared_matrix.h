// The part of skynet.sharetable.core that skynet's own sharetable.lua works with: tables that are known
// by an address.
//
//   matrix = core.matrix(source, ...)      runs the code, or the file whose name follows "@"
//   matrix:getptr(), :size(), :close()
//   table = core.clone(pointer)            in any service, while the matrix is open
//   core.is_sharedtable(value)
//   count = core.stackvalues(coroutine, t) what is on the stack of a coroutine, but for its locals, into t[1], ...
#pragma once

#include "lua/engine.h"
#include "share/source.h"

namespace runtime::RUNTIME_ENGINE {

// Adds the functions above to the table at the top of the stack.
void add_matrix_functions(lua_State* L);

// The value at `index` as an argument of a source, or raises. Functions are not among them.
SharedArgument check_shared_argument(lua_State* L, int index);

}  // namespace runtime::RUNTIME_ENGINE
