// What the parts of skynet.db.mysql.codec (lua_mysql*.cc) share.
#pragma once

#include <string_view>

#include "lua/engine.h"
#include "mysql/packets.h"

namespace runtime::RUNTIME_ENGINE {

// Sets a field of the table on the top of the stack.
inline void set_text(lua_State* L, const char* key, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
  lua_setfield(L, -2, key);
}

inline void set_number(lua_State* L, const char* key, lua_Integer number) {
  lua_pushinteger(L, number);
  lua_setfield(L, -2, key);
}

// Pushes a bad result.
inline void push_failure(lua_State* L, const mysql::Failure& failure) {
  lua_createtable(L, 0, 4);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "badresult");
  set_number(L, "errno", failure.code);
  set_text(L, "err", failure.text);
  if (!failure.state.empty()) set_text(L, "sqlstate", failure.state);
}

// Adds reader() to the table on the top of the stack.
void add_mysql_reader(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
