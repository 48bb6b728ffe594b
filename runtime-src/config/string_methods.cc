#include "config/string_methods.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace runtime {

namespace {

using Spend = bool (*)(lua_State* L, int thousands);

// What a method costs: what its pattern may take, or as much as its argument says.
enum class Price : std::intptr_t { pattern, repetitions };

// Upvalues: the method, its Price, and Spend.
int l_paid(lua_State* L) {
  const auto price = static_cast<Price>(lua_tointeger(L, lua_upvalueindex(2)));
  double steps = 0;
  if (price == Price::repetitions) {
    steps = std::max(0.0, static_cast<double>(luaL_checkinteger(L, 2)));
  } else {
    std::size_t length = 0;
    std::size_t pattern_length = 0;
    luaL_checklstring(L, 1, &length);
    const char* const pattern = luaL_checklstring(L, 2, &pattern_length);
    steps = match_cost(length, {pattern, pattern_length});
  }
  const auto spend = reinterpret_cast<Spend>(lua_touserdata(L, lua_upvalueindex(3)));
  if (!spend(L, static_cast<int>(std::min(steps / 1000, 1e9))))
    return luaL_error(L, "the config runs for too long");
  const int count = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, count, LUA_MULTRET);
  return lua_gettop(L);
}

}  // namespace

double match_cost(std::size_t length, std::string_view pattern) {
  // A match may stop at any byte for each repetition, independently of the others, and begin at any.
  std::ptrdiff_t choices = pattern.starts_with('^') ? 0 : 1;
  bool in_set = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    switch (pattern[i]) {
      case '%':
        ++i;
        if (i < pattern.size() && pattern[i] == 'b') ++choices;
        break;
      case '[': in_set = true; break;
      case ']': in_set = false; break;
      case '*':
      case '+':
      case '-':
      case '?':
        if (!in_set) ++choices;
        break;
      default: break;
    }
  }
  double steps = static_cast<double>(pattern.size() + 1);
  for (std::ptrdiff_t i = 1; i <= choices && steps < 1e15; ++i) {
    steps *= static_cast<double>(length + 1) / static_cast<double>(i);
  }
  return steps;
}

void open_string_methods(lua_State* L, Spend spend) {
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);  // which strings have as their methods
  constexpr struct {
    const char* name;
    Price price;
  } kPaid[] = {{"find", Price::pattern},
               {"match", Price::pattern},
               {"gmatch", Price::pattern},
               {"gsub", Price::pattern},
               {"rep", Price::repetitions}};
  for (const auto& [name, price] : kPaid) {
    lua_getfield(L, -1, name);
    lua_pushinteger(L, static_cast<lua_Integer>(price));
    lua_pushlightuserdata(L, reinterpret_cast<void*>(spend));
    lua_pushcclosure(L, l_paid, 3);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
}

}  // namespace runtime
