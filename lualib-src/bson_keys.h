// Where bson.encode and bson.decode keep the keys they have met lately: in upvalues, which are pushed and
// compared more quickly than a string is made or read.
//
//   upvalue 1                the metatable of documents
//           2                what is known of each key, a userdata that begins as zero bytes
//           3 ... 2 + slots  the keys themselves: false, or the string that the userdata tells of
#pragma once

#include <cstring>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kKeySlots = 128;
static_assert(2 + kKeySlots <= 255, "a function has no more upvalues");

inline int key_upvalue(int slot) { return lua_upvalueindex(3 + slot); }

// What upvalue 2 of the running function is.
template <class Keys>
Keys* known_keys(lua_State* L) {
  return static_cast<Keys*>(lua_touserdata(L, lua_upvalueindex(2)));
}

// Pushes `function` with such upvalues. `metatable` is the stack index of the first.
template <class Keys>
void push_bson_function(lua_State* L, lua_CFunction function, int metatable) {
  luaL_checkstack(L, 3 + kKeySlots, "bson");
  lua_pushvalue(L, metatable);
  std::memset(lua_newuserdatauv(L, sizeof(Keys), 0), 0, sizeof(Keys));
  for (int slot = 0; slot < kKeySlots; ++slot) lua_pushboolean(L, 0);
  lua_pushcclosure(L, function, 2 + kKeySlots);
}

}  // namespace runtime::RUNTIME_ENGINE
