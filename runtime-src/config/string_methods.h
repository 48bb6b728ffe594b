// The methods of strings in a config: ("a"):upper(). Patterns can be made to run for ever, inside of
// one function of the library where no limit on Lua's instructions sees it; so what may take long is
// paid for in advance, by what it may cost at most.
#pragma once

#include <cstddef>
#include <lua.hpp>
#include <string_view>

namespace runtime {

// Gives strings their methods; there is no global `string`. `spend` is asked before a method works:
// false raises. Its unit is a thousand steps, about that many of Lua's instructions. May raise.
void open_string_methods(lua_State* L, bool (*spend)(lua_State* L, int thousands));

// How many steps a match of `pattern` against `length` bytes takes at most, from every start.
double match_cost(std::size_t length, std::string_view pattern);

}  // namespace runtime
