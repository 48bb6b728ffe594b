// For luaclib/bson.so and luaclib/sproto.so, which an interpreter loads that is not ours: `lua client.lua`. It has no
// shared tables, so the library's own functions are all there are; and how it keeps its values is not looked into.
#include "lua/raw_table.h"
#include "lua/shared_api.h"

extern "C" {

int stock_lua_next(lua_State* L, int index) { return lua_next(L, index); }
lua_GetResult stock_lua_rawget(lua_State* L, int index) { return lua_rawget(L, index); }
lua_GetResult stock_lua_rawgeti(lua_State* L, int index, lua_ArrayIndex n) {
  return lua_rawgeti(L, index, n);
}
void stock_lua_rawset(lua_State* L, int index) { lua_rawset(L, index); }
int stock_lua_getmetatable(lua_State* L, int index) { return lua_getmetatable(L, index); }
int stock_lua_setmetatable(lua_State* L, int index) { return lua_setmetatable(L, index); }

}  // extern "C"

namespace runtime::RUNTIME_ENGINE {

bool probe_raw_values() {
  raw_probe.store(RawProbe::failed, std::memory_order_relaxed);
  return false;
}

}  // namespace runtime::RUNTIME_ENGINE
