// Packing and unpacking, by the kind of message.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "base/lua_heap.h"
#include "lua/seri.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

constexpr struct {
  const char* name;
  const char* source;  // the values of the message
} kMessages[] = {
    {"request", "return 'echo', 12345"},
    {"reply", "return true"},
    {"record", "return { id = 17, name = 'player', level = 12, online = true }"},
    // The table of the scene `pack` of the message benchmark.
    {"nested",
     "local t = { name = 'player', level = 12, pos = { x = 1.5, y = 2.5, z = -3 }, items = {},"
     "  flags = { true, false, true } }\n"
     "for i = 1, 20 do t.items[i] = { id = i, count = i * 3, name = 'item' .. i } end\n"
     "return t"},
    {"array_1000", "local t = {} for i = 1, 1000 do t[i] = i end return t"},
    {"map_1000", "local t = {} for i = 1, 1000 do t['key' .. i] = i end return t"},
    {"text_64k", "return ('x'):rep(65536)"},
};

struct Lua {
  Lua() {
    luaL_openlibs(L);
#ifdef RUNTIME_LUA54
    lua_gc(L, LUA_GCGEN, 0, 0);  // as services run
#endif
  }
  ~Lua() { lua_close(L); }

  LuaHeap heap;
  lua_State* L = lua_newstate(LuaHeap::alloc, &heap);
};

void run_pack(benchmark::State& state, const char* source) {
  Lua lua;
  luaL_dostring(lua.L, source);
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Packed packed = pack(lua.L, 1);
    bytes = packed.size;
    std::free(packed.data);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

void run_unpack(benchmark::State& state, const char* source) {
  Lua lua;
  luaL_dostring(lua.L, source);
  const Packed packed = pack(lua.L, 1);
  UnpackError error;
  for (auto _ : state) {
    lua_settop(lua.L, 0);
    benchmark::DoNotOptimize(unpack(lua.L, packed.data, packed.size, &error));
  }
  std::free(packed.data);
}

const bool registered = [] {
  for (const auto& message : kMessages) {
    const std::string name = std::string("/" RUNTIME_ENGINE_NAME "/") + message.name;
    benchmark::RegisterBenchmark(("pack" + name).c_str(), run_pack, message.source);
    benchmark::RegisterBenchmark(("unpack" + name).c_str(), run_unpack, message.source);
  }
  return true;
}();

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
