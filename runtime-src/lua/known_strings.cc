#include "lua/known_strings.h"

#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

void KnownStrings::push_unknown(lua_State* L, const char* text, std::size_t size,
                                std::size_t slot) {
  lua_pushlstring(L, text, size);
  if (!raw_values_known() || (strings_[slot] != nullptr && ++missed_[slot] < kPatience)) return;
  missed_[slot] = 0;
  if (!lua_checkstack(L, LUA_MINSTACK)) return;
  const int string = lua_gettop(L);
  if (anchors_ == LUA_NOREF) {
    lua_createtable(L, 1 << kSlotBits, 0);
    anchors_ = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  stock_lua_rawgeti(L, LUA_REGISTRYINDEX, anchors_);
  lua_pushvalue(L, string);
  lua_rawseti(L, -2, static_cast<int>(slot) + 1);
  lua_settop(L, string);
  strings_[slot] = static_cast<const RawString*>(lua_topointer(L, string));
}

}  // namespace runtime::RUNTIME_ENGINE
