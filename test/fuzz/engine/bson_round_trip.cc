// What bson_fuzz.cc does on one engine: decode, encode what came out, and the same with that.
#include <cstdint>
#include <cstdlib>

#include "base/lua_heap.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

int open_bson(lua_State* L);

namespace {

// Calls function `name` of the module at 1 with the value at the top of the stack, which it replaces
// by the result; false, and the error, when it raises.
bool call(lua_State* L, const char* name) {
  lua_getfield(L, 1, name);
  lua_insert(L, -2);
  return lua_pcall(L, 1, 1, 0) == 0;
}

lua_State* new_state(LuaHeap* heap) {
  lua_State* L = lua_newstate(LuaHeap::alloc, heap);
  luaL_openlibs(L);
  lua_pushcfunction(L, open_bson);
  lua_call(L, 0, 1);
  return L;
}

}  // namespace

bool bson_round_trip(const std::uint8_t* data, std::size_t size) {
  static LuaHeap heap;
  static lua_State* const L = new_state(&heap);
  // Memory in proportion to the input; what an engine starts with comes on top.
  heap.set_limit(heap.used() + 4 * 1024 * 1024 + 200 * size);
  lua_settop(L, 1);
  lua_pushlstring(L, reinterpret_cast<const char*>(data), size);
  const bool decoded = call(L, "decode");
  // A text of the input may look like a special value that is wrong, or be no UTF-8.
  if (decoded && call(L, "encode")) {
    const std::size_t bytes = lua_rawlen(L, -1);
    if (!call(L, "decode") || !call(L, "encode") || lua_rawlen(L, -1) != bytes) std::abort();
  }
  lua_settop(L, 1);
  heap.set_limit(0);
  lua_gc(L, LUA_GCSTEP, 100);
  return decoded;
}

}  // namespace runtime::RUNTIME_ENGINE
