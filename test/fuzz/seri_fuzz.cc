// Any bytes into unpack(); what comes out goes through pack() and unpack() again.
// Compiled once per engine, as every file that sees a lua_State.
#include <cstdint>
#include <cstdlib>

#include "base/lua_heap.h"
#include "seri.h"

namespace {

using namespace runtime::RUNTIME_ENGINE;

struct Input {
  const std::uint8_t* data;
  std::size_t size;
};

int l_round_trip(lua_State* L) {
  const Input input = *static_cast<Input*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  UnpackError error;
  const int count = unpack(L, input.data, input.size, &error);
  if (count < 0) {
    if (error.left > input.size || error.reason == nullptr) std::abort();
    return 0;
  }
  if (lua_gettop(L) != count) std::abort();
  const Packed packed = pack(L, 1);  // raises for more than 32 levels
  lua_settop(L, 0);
  const int again = unpack(L, packed.data, packed.size, &error);
  std::free(packed.data);
  if (again != count) std::abort();
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static runtime::LuaHeap heap;
  static lua_State* const L = [] {
    lua_State* state = lua_newstate(runtime::LuaHeap::alloc, &heap);
    luaL_openlibs(state);
    return state;
  }();
  // Memory in proportion to the input; what an engine starts with comes on top.
  heap.set_limit(heap.used() + 4 * 1024 * 1024 + 200 * size);
  Input input{data, size};
  lua_pushcfunction(L, l_round_trip);
  lua_pushlightuserdata(L, &input);
  if (lua_pcall(L, 1, 0, 0) == LUA_ERRMEM) std::abort();
  lua_settop(L, 0);
  heap.set_limit(0);
  lua_gc(L, LUA_GCSTEP, 100);
  return 0;
}
