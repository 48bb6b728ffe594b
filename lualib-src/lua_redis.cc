// skynet.db.redis.codec: commands into bytes, bytes into replies. The interface is described in
// lualib/meta/redis_codec.lua.
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "lua/engine.h"
#include "object.h"
#include "redis/crc16.h"
#include "redis/reply_reader.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using redis::Item;
using redis::Status;

struct LuaReplyReader : redis::ReplyReader {
  static constexpr const char* kLuaType = "skynet.db.redis.reader";
};

// ---- commands -----------------------------------------------------------------------------------

void append_head(Scratch& out, char type, std::size_t number) {
  char head[32];
  head[0] = type;
  char* end = std::to_chars(head + 1, head + sizeof(head) - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append({head, static_cast<std::size_t>(end - head)});
}

void append_bulk(Scratch& out, std::string_view bytes) {
  append_head(out, '$', bytes.size());
  out.append(bytes);
  out.append("\r\n");
}

// Appends the value on the top of the stack, and pops it. `place` is its number in the command.
void append_value(lua_State* L, Scratch& out, int place) {
  if (lua_isnil(L, -1)) luaL_error(L, "redis: argument %d is nil", place);
  std::size_t size;
  const char* bytes = luaL_tolstring(L, -1, &size);
  append_bulk(out, {bytes, size});
  lua_pop(L, 2);
}

void append_list(lua_State* L, Scratch& out, int list, int count, int first_place) {
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, list, i);
    append_value(L, out, first_place + i - 1);
  }
}

int length_of(lua_State* L, int list) {
  lua_getfield(L, list, "n");
  const lua_Integer n = lua_isnumber(L, -1) ? lua_tointeger(L, -1) : -1;
  lua_pop(L, 1);
  if (n < 0) return static_cast<int>(lua_rawlen(L, list));
  luaL_argcheck(L, n < INT32_MAX, list, "too many arguments");
  return static_cast<int>(n);
}

// command(name, ...) -> bytes
int l_command(lua_State* L) {
  std::size_t size;
  const char* name = luaL_checklstring(L, 1, &size);
  const int top = lua_gettop(L);
  Scratch out(L);
  luaL_checkstack(L, 4, "redis");
  const bool is_list = lua_istable(L, 2);
  int count = top - 1;
  if (is_list) {
    count = length_of(L, 2);
  } else if (lua_isnoneornil(L, 2)) {
    count = 0;
  }
  append_head(out, '*', static_cast<std::size_t>(count) + 1);
  append_bulk(out, {name, size});
  if (is_list) {
    append_list(L, out, 2, count, 1);
  } else {
    for (int i = 1; i <= count; i++) {
      lua_pushvalue(L, i + 1);
      append_value(L, out, i);
    }
  }
  out.push();
  return 1;
}

// pipeline(operations) -> bytes
int l_pipeline(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  Scratch out(L);
  const int operations = static_cast<int>(lua_rawlen(L, 1));
  for (int i = 1; i <= operations; i++) {
    lua_rawgeti(L, 1, i);
    if (!lua_istable(L, -1)) return luaL_error(L, "redis: operation %d is no table", i);
    const int operation = lua_gettop(L);
    const int count = static_cast<int>(lua_rawlen(L, operation));
    if (count == 0) return luaL_error(L, "redis: operation %d is empty", i);
    append_head(out, '*', static_cast<std::size_t>(count));
    append_list(L, out, operation, count, 0);
    lua_pop(L, 1);
  }
  out.push();
  return 1;
}

// crc16(bytes) -> integer
int l_crc16(lua_State* L) {
  std::size_t size;
  const char* bytes = luaL_checklstring(L, 1, &size);
  lua_pushinteger(L, redis::crc16({bytes, size}));
  return 1;
}

// ---- replies ------------------------------------------------------------------------------------

// Takes apart a reply that is known to be whole.
struct Builder {
  lua_State* L;
  std::string_view rest;
  bool has_error;

  Item take() {
    Item item;
    std::size_t searched = 0;
    std::size_t used = 0;
    redis::read_item(rest, searched, item, used);
    rest.remove_prefix(used);
    return item;
  }

  void push_text(std::string_view text) { lua_pushlstring(L, text.data(), text.size()); }

  void push_number(std::string_view text) {
    std::int64_t number = 0;
    redis::read_integer(text, number);
    lua_pushinteger(L, static_cast<lua_Integer>(number));
  }

  void push_double(std::string_view text) {
    push_text(text);
    const double number = std::strtod(lua_tostring(L, -1), nullptr);
    lua_pop(L, 1);
    lua_pushnumber(L, number);
  }

  void push_scalar(const Item& item) {
    switch (item.type) {
      case '-':
      case '!': has_error = true; return push_text(item.text);
      case ':': return push_number(item.text);
      case ',': return push_double(item.text);
      case '#': return lua_pushboolean(L, item.text == "t");
      case '=': return push_text(item.text.substr(item.text.size() < 4 ? item.text.size() : 4));
      default: return push_text(item.text);
    }
  }

  void push_list(const Item& item) {
    lua_createtable(L, static_cast<int>(item.count), 0);
    for (std::int64_t i = 1; i <= item.count; i++) {
      push_value();
      lua_rawseti(L, -2, static_cast<int>(i));
    }
  }

  // A table cannot have the keys nil and NaN: such entries are left out.
  void push_map(const Item& item) {
    lua_createtable(L, 0, static_cast<int>(item.count / 2));
    for (std::int64_t i = 0; i < item.count; i += 2) {
      push_value();
      push_value();
      if (lua_isnil(L, -2) || !lua_rawequal(L, -2, -2)) {
        lua_pop(L, 2);
      } else {
        lua_rawset(L, -3);
      }
    }
  }

  void push_value() {
    luaL_checkstack(L, 6, "redis: a reply is too deep");
    Item item = take();
    while (item.type == '|') {
      push_map(item);
      lua_pop(L, 1);
      item = take();
    }
    if (item.is_null) return lua_pushnil(L);
    if (item.type == '%') return push_map(item);
    if (redis::is_list(item.type)) return push_list(item);
    push_scalar(item);
  }
};

int push_next(lua_State* L, LuaReplyReader& reader) {
  const Status status = reader.next();
  if (status == Status::incomplete) return 0;
  if (status == Status::error) return luaL_error(L, "redis: protocol error");
  const std::string_view reply = reader.reply();
  lua_pushboolean(L, 1);
  Builder builder{L, reply, false};
  builder.push_value();
  if (builder.has_error) {
    lua_pushboolean(L, 0);
    lua_replace(L, -3);
  }
  lua_pushboolean(L, reply.front() == '>');
  reader.pop();
  return 3;
}

int l_reader(lua_State* L) {
  push_object<LuaReplyReader>(L);
  return 1;
}

int l_next(lua_State* L) { return push_next(L, self<LuaReplyReader>(L, 1)); }

int l_feed(lua_State* L) {
  LuaReplyReader& reader = self<LuaReplyReader>(L, 1);
  std::size_t size;
  const char* bytes = luaL_checklstring(L, 2, &size);
  reader.feed({bytes, size});
  return push_next(L, reader);
}

int l_held(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(self<LuaReplyReader>(L, 1).held()));
  return 1;
}

}  // namespace

int open_redis_codec(lua_State* L) {
  constexpr luaL_Reg kMethods[] = {
      {"next", l_next},
      {"feed", l_feed},
      {"held", l_held},
      {nullptr, nullptr},
  };
  constexpr luaL_Reg kFunctions[] = {
      {"command", l_command}, {"crc16", l_crc16}, {"pipeline", l_pipeline},
      {"reader", l_reader},   {nullptr, nullptr},
  };
  define_type<LuaReplyReader>(L, kMethods);
  lua_newtable(L);
  set_functions<LuaReplyReader>(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
