// Part of the copies of the two Lua libraries that the build makes: the only file that may define
// lua_*.
#include "lua/shared_api.h"

#include <atomic>

namespace runtime::RUNTIME_ENGINE {

const char shared_node_key = 0;

namespace {

// Set before the first shared table is made. Whoever sees such a table has got it from a service
// that made one, through the same state or a message, so relaxed reads are enough.
std::atomic<const SharedAccess*> shared_access{nullptr};

// Null, without a look at the table, as long as there are no shared tables.
const void* node_of(lua_State* L, int index) {
  return shared_access.load(std::memory_order_relaxed) == nullptr ? nullptr : shared_node(L, index);
}

const SharedAccess& access() { return *shared_access.load(std::memory_order_relaxed); }

std::atomic<FillLazyTable> fill_lazy_table{nullptr};

bool fill_if_lazy(lua_State* L, int index) {
  const FillLazyTable fill = fill_lazy_table.load(std::memory_order_relaxed);
  return fill != nullptr && fill(L, index);
}

}  // namespace

void set_shared_access(const SharedAccess* access) { shared_access.store(access); }
void set_fill_lazy_table(FillLazyTable fill) {
  fill_lazy_table.store(fill, std::memory_order_relaxed);
}

const void* shared_node(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !stock_lua_getmetatable(L, index)) return nullptr;
  // The metatable has made room on the stack for the key.
  lua_pop(L, 1);
  stock_rawgetp(L, index, &shared_node_key);
  const void* node = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return node;
}

}  // namespace runtime::RUNTIME_ENGINE

using runtime::RUNTIME_ENGINE::access;
using runtime::RUNTIME_ENGINE::fill_if_lazy;
using runtime::RUNTIME_ENGINE::node_of;

extern "C" {

__attribute__((visibility("default"))) int lua_next(lua_State* L, int index) {
  if (const void* node = node_of(L, index)) return access().next(L, lua_absindex(L, index), node);
  index = lua_absindex(L, index);
  const int more = stock_lua_next(L, index);
  if (more != 0 || !fill_if_lazy(L, index)) return more;
  lua_pushnil(L);
  return stock_lua_next(L, index);
}

__attribute__((visibility("default"))) lua_GetResult lua_rawget(lua_State* L, int index) {
  const void* node = node_of(L, index);
  if (node == nullptr) return stock_lua_rawget(L, index);
  access().get(L, lua_absindex(L, index), node);
#ifdef RUNTIME_LUA54
  return lua_type(L, -1);
#endif
}

__attribute__((visibility("default"))) lua_GetResult lua_rawgeti(lua_State* L, int index,
                                                                 lua_ArrayIndex n) {
  const void* node = node_of(L, index);
  if (node == nullptr) return stock_lua_rawgeti(L, index, n);
  index = lua_absindex(L, index);
  lua_pushinteger(L, n);
  access().get(L, index, node);
#ifdef RUNTIME_LUA54
  return lua_type(L, -1);
#endif
}

__attribute__((visibility("default"))) void lua_rawset(lua_State* L, int index) {
  if (node_of(L, index) != nullptr) luaL_error(L, "attempt to change a shared table");
  stock_lua_rawset(L, index);
}

__attribute__((visibility("default"))) int lua_getmetatable(lua_State* L, int index) {
  return node_of(L, index) == nullptr ? stock_lua_getmetatable(L, index) : 0;
}

__attribute__((visibility("default"))) int lua_setmetatable(lua_State* L, int index) {
  if (node_of(L, index) != nullptr) luaL_error(L, "can't setmetatable to shared table");
  index = lua_absindex(L, index);
  fill_if_lazy(L, index);
  return stock_lua_setmetatable(L, index);
}

__attribute__((visibility("default"))) int runtime_is_shared_table(lua_State* L, int index) {
  return node_of(L, index) != nullptr;
}

#ifdef RUNTIME_LUA54
__attribute__((visibility("default"))) lua_Unsigned lua_rawlen(lua_State* L, int index) {
  if (const void* node = node_of(L, index)) return access().length(node);
  return stock_lua_rawlen(L, index);
}
#endif

}  // extern "C"
