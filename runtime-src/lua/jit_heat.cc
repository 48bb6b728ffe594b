#include "lua/jit_heat.h"

#ifdef RUNTIME_LUAJIT

#include <algorithm>
#include <array>

#include "lua/engine_probe.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// The counters of a state, by the address of the code that they count for (lj_dispatch.h: HotCount), lie in the block
// that begins with the state's main thread (GG_State). That is no part of the engine's interface: where they are is found
// out, once in a process, by what the interface does to them.
using Counters = std::array<std::uint16_t, 64>;
std::size_t counters_offset = 0;

Counters& counters_at(lua_State* main, std::size_t offset) {
  return *reinterpret_cast<Counters*>(reinterpret_cast<char*>(main) + offset);
}

// To turn the compiler off and on sets all counters to the value at which they begin.
void set_back(lua_State* L) {
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
}

// Makes the counters begin at what stands for so many turns of a loop: two for each, and the last is 0.
std::uint16_t set_turns(lua_State* L, int turns) {
  lua_getglobal(L, "jit");
  lua_getfield(L, -1, "opt");
  lua_getfield(L, -1, "start");
  lua_pushfstring(L, "hotloop=%d", turns);
  lua_call(L, 1, 0);
  lua_settop(L, 0);
  set_back(L);
  return static_cast<std::uint16_t>(2 * turns - 1);
}

bool all_are(const Counters& counters, std::uint16_t value) {
  return std::all_of(counters.begin(), counters.end(),
                     [value](std::uint16_t counter) { return counter == value; });
}

// The block is the first one in an area of 128 KB (lj_alloc.c: DEFAULT_GRANULARITY), and smaller than this.
constexpr std::size_t kSearched = 8192;

// The state's main thread runs this.
int l_find_counters(lua_State* L) {
  bool& found = *static_cast<bool*>(lua_touserdata(L, 1));
  luaL_openlibs(L);
  const std::uint16_t first = set_turns(L, 77);
  while (!all_are(counters_at(L, counters_offset), first)) {
    counters_offset += sizeof(std::uint16_t);
    if (counters_offset + sizeof(Counters) > kSearched) return 0;
  }
  const std::uint16_t second = set_turns(L, 20);
  found = all_are(counters_at(L, counters_offset), second);
  return 0;
}

}  // namespace

constinit thread_local std::uint32_t JitHeat::turns_of_thread = 0;

bool JitHeat::knows_counters() {
  static const bool known = probe_engine(l_find_counters);
  return known;
}

const void* JitHeat::interpreter_table(const lua_State* main) {
  if (!knows_counters()) return nullptr;
  return reinterpret_cast<const char*>(main) + counters_offset + sizeof(Counters);
}

bool JitHeat::cool(lua_State* main) {
  if (first_count_ != 0) {
    counters_at(main, counters_offset).fill(first_count_);
    return false;
  }
  bool is_on = false;
  // Without memory for that the counters go on.
  call_protected(main, l_cool, &is_on);
  if (is_on && knows_counters()) first_count_ = counters_at(main, counters_offset)[0];
  return is_on;
}

// Sets the counters back by the interface. A program that has turned the compiler off keeps it so.
int JitHeat::l_cool(lua_State* L) {
  bool& is_on = *static_cast<bool*>(lua_touserdata(L, 1));
  luaL_findtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE, 1);
  lua_getfield(L, -1, "jit");
  if (!lua_istable(L, -1)) return 0;
  lua_getfield(L, -1, "status");
  if (!lua_iscfunction(L, -1)) return 0;
  lua_call(L, 0, 1);
  is_on = lua_toboolean(L, -1);
  if (is_on) set_back(L);
  return 0;
}

}  // namespace runtime::RUNTIME_ENGINE

#endif
