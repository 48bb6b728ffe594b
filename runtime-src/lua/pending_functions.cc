#include "lua/pending_functions.h"

#include <utility>

#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

namespace {
// A table that had room for this many functions is not worth making again.
constexpr std::int32_t kKept = 256;
}  // namespace

std::int32_t PendingFunctions::put(lua_State* L, int index) {
  if (table_ == LUA_NOREF) {
    lua_newtable(L);
    table_ = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  const std::int32_t place = free_.empty() ? last_ + 1 : free_.back();
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, table_);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
  if (free_.empty()) {
    ++last_;
  } else {
    free_.pop_back();
  }
  return place;
}

void PendingFunctions::take(lua_State* L, std::int32_t place, lua_State* to) {
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, table_);
  stock_lua_rawgeti(L, -1, place);
  lua_xmove(L, to, 1);
  free(L, place);
}

void PendingFunctions::drop(lua_State* L, std::int32_t place) {
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, table_);
  free(L, place);
}

// Takes the table off the stack, too.
void PendingFunctions::free(lua_State* L, std::int32_t place) {
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
  free_.push_back(place);
  if (free_.size() < static_cast<std::size_t>(last_) || last_ <= kKept) return;
  luaL_unref(L, LUA_REGISTRYINDEX, std::exchange(table_, LUA_NOREF));
  std::vector<std::int32_t>().swap(free_);
  last_ = 0;
}

}  // namespace runtime::RUNTIME_ENGINE
