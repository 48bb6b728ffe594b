// skynet.db.redis.codec: commands into bytes, bytes into replies. The interface is described in
// lualib/meta/redis_codec.lua.
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/short_bytes.h"
#include "block_taker.h"
#include "lua/engine.h"
#include "lua/record_shapes.h"
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

constexpr std::size_t kShortOperation = 40;  // bytes of a SET of something short, about
constexpr std::size_t kHeadBytes = 24;       // a type, any number, a line end

// Writes "<type><number>\r\n", at most kHeadBytes.
inline char* write_head(char* at, char type, std::size_t number) {
  *at++ = type;
  if (number < 10) {
    *at++ = static_cast<char>('0' + number);
  } else {
    at = std::to_chars(at, at + kHeadBytes - 3, number).ptr;
  }
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

void append_head(Scratch& out, char type, std::size_t number) {
  char* const begin = out.prepare(kHeadBytes);
  out.add(static_cast<std::size_t>(write_head(begin, type, number) - begin));
}

// Writes a string as a bulk, at most kHeadBytes + 2 more than its own.
char* write_bulk(char* at, std::string_view bytes) {
  at = write_head(at, '$', bytes.size());
  copy_short(at, bytes.data(), bytes.size());
  at += bytes.size();
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

constexpr std::size_t kDigits = 24;  // any whole number

char* write_whole(char* at, std::int64_t number) {
  char digits[kDigits];
  char* const end = std::to_chars(digits, digits + kDigits, number).ptr;
  return write_bulk(at, {digits, static_cast<std::size_t>(end - digits)});
}

void append_bulk(Scratch& out, std::string_view bytes) {
  char* const begin = out.prepare(kHeadBytes + bytes.size() + 2);
  out.add(static_cast<std::size_t>(write_bulk(begin, bytes) - begin));
}

// Whether the number is written with all its digits, on LuaJIT: tostring() rounds those of more than 14.
[[maybe_unused]] bool is_whole(lua_Number number, std::int64_t& value) {
  constexpr lua_Number kExact = 9007199254740992.0;  // 2^53
  if (!(std::abs(number) <= kExact) || number == 0) return false;
  value = static_cast<std::int64_t>(number);
  return static_cast<lua_Number>(value) == number;
}

// The same for the value at the top of the stack, on both engines.
bool is_whole(lua_State* L, std::int64_t& value) {
#ifdef RUNTIME_LUAJIT
  const int type = lua_type(L, -1);
  if (type == LUA_TCDATA) return to_int64(L, -1, &value);
  return type == LUA_TNUMBER && is_whole(lua_tonumber(L, -1), value);
#else
  value = lua_tointeger(L, -1);
  return lua_isinteger(L, -1) != 0;
#endif
}

// Appends the value on the top of the stack, and pops it. `place` is its number in the command.
void append_value(lua_State* L, Scratch& out, int place) {
  std::size_t size;
  std::int64_t whole;
  switch (lua_type(L, -1)) {
    case LUA_TNIL: luaL_error(L, "redis: argument %d is nil", place); break;
    case LUA_TSTRING: {
      const char* bytes = lua_tolstring(L, -1, &size);
      append_bulk(out, {bytes, size});
      return lua_pop(L, 1);
    }
    default:
      if (!is_whole(L, whole)) break;
      char* const begin = out.prepare(kHeadBytes + kDigits + 2);
      out.add(static_cast<std::size_t>(write_whole(begin, whole) - begin));
      return lua_pop(L, 1);
  }
  to_text(L, -1, nullptr);  // a number keeps its digits
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

// A list of strings and whole numbers, which is read where the engine keeps it.
class PlainOperation {
 public:
  explicit PlainOperation(const RawTable& table) : table_(table) {}

  // Appends it. False, and nothing appended, when it is no such list.
  bool append(Scratch& out);

 private:
  // Looks whether it is one, and how many bytes it takes at most.
  bool measure();
  static bool is_whole_number(const RawValue& value, std::int64_t& whole) {
    whole = value.integer();
#ifdef RUNTIME_LUAJIT
    return value.kind() == RawKind::real && is_whole(value.real(), whole);
#else
    return value.kind() == RawKind::integer;
#endif
  }

  const RawTable& table_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

bool PlainOperation::measure() {
  if (table_.has_metatable() || !raw_length(table_, &count_) || count_ == 0 ||
      has_index(table_, count_ + 1))
    return false;
  bytes_ = kHeadBytes + count_ * (kHeadBytes + kDigits + 2);
  const RawValue* value = table_.array();
  std::int64_t whole;
  for (const RawValue* const end = value + count_; value != end; ++value) {
    if (value->kind() == RawKind::string) {
      bytes_ += value->text().size();
    } else if (!is_whole_number(*value, whole)) {
      return false;
    }
  }
  return true;
}

bool PlainOperation::append(Scratch& out) {
  do {
    if (!measure()) return false;
    // More room may come with Lua code that the collector runs, and which changes the list.
  } while (out.make_room(bytes_));
  char* const begin = out.prepare(bytes_);
  char* at = write_head(begin, '*', count_);
  const RawValue* value = table_.array();
  std::int64_t whole;
  for (const RawValue* const end = value + count_; value != end; ++value) {
    at = is_whole_number(*value, whole) ? write_whole(at, whole) : write_bulk(at, value->text());
  }
  out.add(static_cast<std::size_t>(at - begin));
  return true;
}

// pipeline(operations) -> bytes
int l_pipeline(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  Scratch out(L);
  const int operations = static_cast<int>(lua_rawlen(L, 1));
  out.prepare(static_cast<std::size_t>(operations) * kShortOperation);
  const bool plain = raw_values_known();
  for (int i = 1; i <= operations; i++) {
    lua_rawgeti(L, 1, i);
    if (!lua_istable(L, -1)) return luaL_error(L, "redis: operation %d is no table", i);
    const int operation = lua_gettop(L);
    if (!plain || !PlainOperation(raw_table(L, operation)).append(out)) {
      const int count = static_cast<int>(lua_rawlen(L, operation));
      if (count == 0) return luaL_error(L, "redis: operation %d is empty", i);
      append_head(out, '*', static_cast<std::size_t>(count));
      append_list(L, out, operation, count, 0);
    }
    lua_pop(L, 1);
  }
  out.push();
  return 1;
}

// text(value) -> string: what command() writes
int l_text(lua_State* L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  std::int64_t whole;
  if (is_whole(L, whole)) {
    char digits[kDigits];
    const char* const end = std::to_chars(digits, digits + kDigits, whole).ptr;
    lua_pushlstring(L, digits, static_cast<std::size_t>(end - digits));
    return 1;
  }
  to_text(L, 1, nullptr);
  luaL_tolstring(L, 1, nullptr);
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

  // A value that is no list.
  void push_single(const Item& item) {
    if (item.is_null) return lua_pushnil(L);
    push_scalar(item);
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

// Whether a whole reply is there. Raises for what is none.
bool has_reply(lua_State* L, LuaReplyReader& reader) {
  const Status status = reader.next();
  if (status == Status::error) luaL_error(L, "redis: protocol error");
  return status == Status::ready;
}

// Pushes the value of the reply. False: it is an error, or there is one in it.
bool push_reply(lua_State* L, const LuaReplyReader& reader) {
  Builder builder{L, {}, false};
  if (const Item* item = reader.only_item()) {
    builder.push_single(*item);
  } else {
    builder.rest = reader.reply();
    builder.push_value();
  }
  return !builder.has_error;
}

int l_reader(lua_State* L) {
  push_object<LuaReplyReader>(L);
  return 1;
}

// Takes the reply that is there: ok, value, held.
int give_reply(lua_State* L, LuaReplyReader& reader) {
  lua_settop(L, 1);
  const bool ok = push_reply(L, reader);
  lua_pushboolean(L, ok);
  lua_insert(L, 2);
  reader.pop();
  lua_pushinteger(L, static_cast<lua_Integer>(reader.held()));
  return 3;
}

// reader:any() -> ok, value, held | nothing
int l_any(lua_State* L) {
  LuaReplyReader& reader = self<LuaReplyReader>(L, 1);
  return has_reply(L, reader) ? give_reply(L, reader) : 0;
}

// Drops pushes. False: no reply to a command is there.
bool has_answer(lua_State* L, LuaReplyReader& reader) {
  while (has_reply(L, reader)) {
    if (reader.reply().front() != '>') return true;
    reader.pop();
  }
  return false;
}

// reader:next() -> ok, value, held | nothing
int l_next(lua_State* L) {
  LuaReplyReader& reader = self<LuaReplyReader>(L, 1);
  return has_answer(L, reader) ? give_reply(L, reader) : 0;
}

// reader:has_answer() -> boolean
int l_has_answer(lua_State* L) {
  lua_pushboolean(L, has_answer(L, self<LuaReplyReader>(L, 1)));
  return 1;
}

// Makes { ok =, out = } for replies.
class Outcomes {
 public:
  // Pushes the keys, and leaves them there.
  explicit Outcomes(lua_State* L) : L_(L), shapes_(RecordShapes::of(L)) {
    luaL_checkstack(L, 8, "redis");
    lua_pushliteral(L, "ok");
    lua_pushliteral(L, "out");
    out_key_ = lua_gettop(L);
  }

  // Pushes the table for a reply.
  void push(const LuaReplyReader& reader) {
    if ((knows_shape() || find_shape()) && push_record(reader)) return;
    lua_createtable(L_, 0, 2);
    lua_pushvalue(L_, out_key_);
    const bool ok = push_reply(L_, reader);
    lua_rawset(L_, -3);
    lua_pushvalue(L_, out_key_ - 1);
    lua_pushboolean(L_, ok);
    lua_rawset(L_, -3);
  }

 private:
  // Lua code that ran since the reply before may have made it into another one.
  bool knows_shape() const { return shape_ != nullptr && shape_->serial == serial_; }
  bool find_shape();
  bool push_record(const LuaReplyReader& reader);

  lua_State* L_;
  RecordShapes* shapes_;  // null: no records
  int out_key_;
  const RecordShape* shape_ = nullptr;
  std::uint32_t serial_ = 0;  // of the shape
};

bool Outcomes::find_shape() {
  if (shapes_ == nullptr) return false;
  constexpr RecordKey kKeys[] = {{"out", 3}, {"ok", 2}};
  bool frequent = false;
  shape_ = shapes_->find(kKeys, 2, &frequent);
  if (shape_ == nullptr && frequent) {
    shapes_->learn(L_, kKeys, 2);
    shape_ = shapes_->find(kKeys, 2, &frequent);
  }
  if (shape_ == nullptr) return false;
  serial_ = shape_->serial;
  return true;
}

// False, and nothing pushed, when it cannot be made so.
bool Outcomes::push_record(const LuaReplyReader& reader) {
  Record record(L_, *shape_);
  const bool ok = push_reply(L_, reader);
  switch (lua_type(L_, -1)) {
    case LUA_TNIL: record.add_nil(); break;
    case LUA_TBOOLEAN: record.add(lua_toboolean(L_, -1) != 0); break;
    case LUA_TSTRING: record.add_string(); break;
    case LUA_TTABLE: record.add_table(); break;
    case LUA_TNUMBER:
#ifdef RUNTIME_LUA54
      if (lua_isinteger(L_, -1)) {
        record.add(std::int64_t{lua_tointeger(L_, -1)});
        break;
      }
#endif
      record.add(lua_tonumber(L_, -1));
      break;
    default: lua_pop(L_, 1); return false;
  }
  record.add(ok);
  return record.finish();
}

// reader:collect(count, results) -> how many of `count` replies are still to come
int l_collect(lua_State* L) {
  LuaReplyReader& reader = self<LuaReplyReader>(L, 1);
  lua_Integer left = luaL_checkinteger(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  Outcomes outcomes(L);
  int last = static_cast<int>(lua_rawlen(L, 3));
  while (left > 0 && has_answer(L, reader)) {
    outcomes.push(reader);
    lua_rawseti(L, 3, ++last);  // may raise: the reply is still in place
    reader.pop();
    left--;
  }
  lua_pushinteger(L, left);
  return 1;
}

// reader:feed(bytes)
int l_feed(lua_State* L) {
  LuaReplyReader& reader = self<LuaReplyReader>(L, 1);
  std::size_t size;
  const char* bytes = luaL_checklstring(L, 2, &size);
  reader.feed({bytes, size});
  return 0;
}

int l_held(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(self<LuaReplyReader>(L, 1).held()));
  return 1;
}

}  // namespace

int open_redis_codec(lua_State* L) {
  constexpr luaL_Reg kMethods[] = {
      {"any", l_any},
      {"collect", l_collect},
      {"feed", l_feed},
      {"held", l_held},
      {"next", l_next},
      {"take", l_take_block<LuaReplyReader>},
      {"has_answer", l_has_answer},
      {nullptr, nullptr},
  };
  constexpr luaL_Reg kFunctions[] = {
      {"command", l_command}, {"crc16", l_crc16}, {"pipeline", l_pipeline},
      {"reader", l_reader},   {"text", l_text},   {nullptr, nullptr},
  };
  define_type<LuaReplyReader>(L, kMethods);
  lua_newtable(L);
  set_functions<LuaReplyReader>(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
