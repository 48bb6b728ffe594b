// Functions of timers, which are to run as tasks and have not begun. Until then each takes a place in a table of the
// state, and no coroutine: that is a kilobyte, which the collector visits in each of its cycles.
//
// Threads:   the worker that runs the service.
// Ownership: the table holds the functions. It goes when many have been in it and none is left.
#pragma once

#include <cstdint>
#include <vector>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

class PendingFunctions {
 public:
  // Keeps the function at `index`. Where it is: a number above 0. May raise (memory).
  std::int32_t put(lua_State* L, int index);

  // Moves a function onto the stack of `to`, which has room for it. L: a coroutine of the same state with room for two
  // values. Does not raise.
  void take(lua_State* L, std::int32_t place, lua_State* to);

  // Drops a function. The same holds.
  void drop(lua_State* L, std::int32_t place);

 private:
  void free(lua_State* L, std::int32_t place);

  int table_ = LUA_NOREF;           // reference in the registry
  std::int32_t last_ = 0;           // the highest place that was ever taken
  std::vector<std::int32_t> free_;  // places up to that which are not taken
};

}  // namespace runtime::RUNTIME_ENGINE
