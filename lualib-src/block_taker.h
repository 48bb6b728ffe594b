// take(pointer, size): the method by which a parser of skynet.socketchannel gets what came.
#pragma once

#include <cstdlib>

#include "object.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

// T has `void take(char* block, std::size_t size) noexcept`, which owns the block, from malloc. The
// block changes hands even when this raises. In a list for define_type().
template <class T>
int l_take_block(lua_State* L) {
  auto* block = lua_islightuserdata(L, 2) ? static_cast<char*>(lua_touserdata(L, 2)) : nullptr;
  const lua_Integer size = lua_isnumber(L, 3) ? lua_tointeger(L, 3) : -1;
  T* reader = test_object<T>(L, 1);
  if (block == nullptr || size < 0 || reader == nullptr) {
    std::free(block);
    return luaL_error(L, "take: a reader, a block and its size are needed");
  }
  reader->take(block, static_cast<std::size_t>(size));
  return 0;
}

}  // namespace runtime::RUNTIME_ENGINE
