// What seri_fuzz.cc does on one engine: unpack, and pack and unpack again what came out, with strings that are known.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/lua_heap.h"
#include "lua/known_strings.h"
#include "lua/seri.h"
#include "lua/seri_plain.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

struct Round {
  const std::uint8_t* data;
  std::size_t size;
  int count;
  KnownStrings* strings;
};

// What unpack_plain() takes it gives as unpack() does, whose values are on the stack.
void check_plain(lua_State* L, const Round& round, int count) {
  if (!raw_values_known() || !lua_checkstack(L, LUA_MINSTACK)) return;
  const int plain = unpack_plain(L, round.data, round.size, round.strings);
  if (plain != (plain < 0 ? -1 : count)) std::abort();
  for (int i = 1; i <= plain; ++i) {
    const bool is_nan = lua_type(L, i) == LUA_TNUMBER && !lua_rawequal(L, i, i);
    if (!is_nan && !lua_rawequal(L, i, count + i)) std::abort();
  }
  lua_settop(L, count);
}

int l_round_trip(lua_State* L) {
  Round& round = *static_cast<Round*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  UnpackError error;
  const int count = unpack(L, round.data, round.size, &error);
  if (count < 0) {
    if (error.left > round.size || error.reason == nullptr) std::abort();
    round.count = error.reason == std::string_view("a pointer to nowhere") ? -2 : -1;
    return 0;
  }
  if (lua_gettop(L) != count) std::abort();
  check_plain(L, round, count);
  round.count = count;
  const Packed packed = pack(L, 1);  // raises for more than 32 levels
  const int again = lua_checkstack(L, LUA_MINSTACK)
                        ? unpack(L, packed.data, packed.size, &error, round.strings)
                        : count;
  std::free(packed.data);
  if (again != count) std::abort();
  for (int i = 1; i <= lua_gettop(L) - count; ++i) {
    if (lua_type(L, i) == LUA_TSTRING && !lua_rawequal(L, i, count + i)) std::abort();
  }
  return 0;
}

}  // namespace

int seri_round_trip(const std::uint8_t* data, std::size_t size) {
  static LuaHeap heap;
  static lua_State* const L = [] {
    lua_State* state = lua_newstate(LuaHeap::alloc, &heap);
    luaL_openlibs(state);
    return state;
  }();
  static KnownStrings strings;
  // Memory in proportion to the input, whose values are there twice; what an engine starts with comes on top.
  heap.set_limit(heap.used() + 4 * 1024 * 1024 + 400 * size);
  Round round{data, size, -2, &strings};
  lua_pushcfunction(L, l_round_trip);
  lua_pushlightuserdata(L, &round);
  if (lua_pcall(L, 1, 0, 0) == LUA_ERRMEM) std::abort();
  lua_settop(L, 0);
  heap.set_limit(0);
  lua_gc(L, LUA_GCSTEP, 100);
  return round.count;
}

}  // namespace runtime::RUNTIME_ENGINE
