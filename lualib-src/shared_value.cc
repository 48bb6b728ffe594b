#include "shared_value.h"

#include <cmath>

#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

using share::Key;
using share::Table;
using share::Type;
using share::Value;

bool push_plain(lua_State* L, const Value& value) {
  switch (value.type) {
    case Type::nil: lua_pushnil(L); return true;
    case Type::boolean: lua_pushboolean(L, value.bits != 0); return true;
    case Type::integer:
#ifdef RUNTIME_LUA54
      lua_pushinteger(L, value.integer);
#else
      push_int64(L, value.integer);
#endif
      return true;
    case Type::number: lua_pushnumber(L, value.number); return true;
    case Type::text: lua_pushlstring(L, value.text->data(), value.text->size); return true;
    case Type::pointer: lua_pushlightuserdata(L, value.pointer); return true;
    case Type::table:
    case Type::function: return false;
  }
  return false;
}

bool push_plain_key(lua_State* L, const Value& key) {
#ifdef RUNTIME_LUAJIT
  if (key.type == Type::integer) {
    const auto number = static_cast<double>(key.integer);
    if (number < 0x1p63 && static_cast<std::int64_t>(number) == key.integer) {
      lua_pushnumber(L, number);
      return true;
    }
  }
#endif
  return push_plain(L, key);
}

bool to_shared_key(lua_State* L, int index, Key* key) {
  switch (lua_type(L, index)) {
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* data = lua_tolstring(L, index, &size);
      *key = Key::of(std::string_view(data, size));
      return true;
    }
    case LUA_TNUMBER: {
#ifdef RUNTIME_LUA54
      if (lua_isinteger(L, index)) {
        *key = Key::of(static_cast<std::int64_t>(lua_tointeger(L, index)));
        return true;
      }
#endif
      const double number = lua_tonumber(L, index);
      if (std::isnan(number)) return false;
      if (std::int64_t whole; whole_number(number, &whole)) {
        *key = Key::of(whole);
      } else {
        *key = {Type::number, Value::of(number).bits, {}};
      }
      return true;
    }
    case LUA_TBOOLEAN: *key = {Type::boolean, lua_toboolean(L, index) ? 1U : 0U, {}}; return true;
    case LUA_TLIGHTUSERDATA:
      *key = {Type::pointer, Value::of(lua_touserdata(L, index)).bits, {}};
      return true;
    case LUA_TTABLE: {
      const Table* table = shared_table(L, index);
      *key = {Type::table, Value::of(table).bits, {}};
      return table != nullptr;
    }
    default: {
      std::int64_t whole = 0;
      if (!to_int64(L, index, &whole)) return false;  // 64-bit cdata on LuaJIT
      *key = Key::of(whole);
      return true;
    }
  }
}

void push_shared_path(lua_State* L, const Table* table) {
  luaL_checkstack(L, 6, nullptr);
  lua_pushliteral(L, "");
  for (; table->parent() != nullptr; table = table->parent()) {
    lua_pushliteral(L, ".");
    const Value step = table->parent()->key(table->parent_slot());
    if (!push_plain_key(L, step)) lua_pushliteral(L, "?");
    luaL_tolstring(L, -1, nullptr);
    lua_remove(L, -2);
    lua_pushvalue(L, -3);
    lua_concat(L, 3);
    lua_remove(L, -2);
  }
}

void push_plain_copy(lua_State* L, const Table* root) {
  luaL_checkstack(L, 12, nullptr);
  lua_newtable(L);  // Table -> its copy
  const int copies = lua_gettop(L);
  lua_newtable(L);  // tables whose copies are still empty
  const int queue = lua_gettop(L);
  int queued = 0;
  const auto push_copy = [&](const Table* table) {
    stock_rawgetp(L, copies, table);
    if (!lua_isnil(L, -1)) return;
    lua_pop(L, 1);
    lua_createtable(L, static_cast<int>(table->length()),
                    static_cast<int>(table->slots() - table->length()));
    lua_pushvalue(L, -1);
    stock_rawsetp(L, copies, table);
    lua_pushlightuserdata(L, const_cast<Table*>(table));
    lua_rawseti(L, queue, ++queued);
  };
  push_copy(root);
  for (int i = 1; i <= queued; ++i) {
    stock_lua_rawgeti(L, queue, i);
    const auto* table = static_cast<const Table*>(lua_touserdata(L, -1));
    stock_rawgetp(L, copies, table);
    const int copy = lua_gettop(L);
    for (std::uint32_t slot = 0; slot < table->slots(); ++slot) {
      const Value key = table->key(slot);
      const Value value = table->value(slot);
      if (value.type == Type::nil || !push_plain_key(L, key)) continue;
      if (value.type == Type::table) {
        push_copy(value.table);
      } else if (!push_plain(L, value)) {
        lua_pop(L, 1);
        continue;
      }
      stock_lua_rawset(L, copy);
    }
    lua_settop(L, copy - 2);
  }
  lua_remove(L, queue);
  lua_remove(L, copies);
}

}  // namespace runtime::RUNTIME_ENGINE
