// skynet.db.mysql.codec: requests into bytes, bytes into results. The interface is described in
// lualib/meta/mysql_codec.lua.
#include <bit>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lua/engine.h"
#include "mysql/login.h"
#include "mysql/packet_reader.h"
#include "mysql/packets.h"
#include "mysql/parameters.h"
#include "mysql/reply_reader.h"
#include "mysql/row.h"
#include "object.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using mysql::Column;
using mysql::Kind;
using mysql::Step;
using mysql::Value;

struct LuaReader : mysql::ReplyReader {
  static constexpr const char* kLuaType = "skynet.db.mysql.reader";
  // Holds what the result that is being read consists of.
  static constexpr bool kOwnTable = true;
  lua_Integer rows = 0;  // in kRows
};

// Places in the table of a reader.
constexpr int kRows = 1;
constexpr int kNames = 2;

// ---- requests -----------------------------------------------------------------------------------

int push_framed(lua_State* L, std::string_view head, std::string_view body, std::uint8_t number) {
  Scratch out(L);
  const std::size_t size = mysql::framed_bytes(head.size() + body.size());
  mysql::write_framed(head, body, number, out.prepare(size));
  out.add(size);
  out.push();
  return 1;
}

// packet(number, payload) -> bytes
int l_packet(lua_State* L) {
  const auto number = static_cast<std::uint8_t>(luaL_checkinteger(L, 1));
  return push_framed(L, {}, check_string(L, 2), number);
}

// command(code [, text]) -> bytes
int l_command(lua_State* L) {
  const auto code = static_cast<char>(luaL_checkinteger(L, 1));
  const std::string_view text = lua_isnoneornil(L, 2) ? std::string_view() : check_string(L, 2);
  return push_framed(L, {&code, 1}, text, 0);
}

// on_statement(code, id) -> bytes
int l_on_statement(lua_State* L) {
  char request[5];
  request[0] = static_cast<char>(luaL_checkinteger(L, 1));
  mysql::write_number(static_cast<std::uint64_t>(luaL_checkinteger(L, 2)), 4, request + 1);
  return push_framed(L, {request, sizeof request}, {}, 0);
}

void append_number(Scratch& out, std::uint64_t number, std::size_t size) {
  mysql::write_number(number, size, out.prepare(size));
  out.add(size);
}

// Whether the number at `index` is integral, and fits.
bool to_integer(lua_State* L, int index, std::int64_t* value) {
  if (to_int64(L, index, value)) return true;
  if (lua_type(L, index) != LUA_TNUMBER) return false;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  const double number = lua_tonumber(L, index);
  if (!(number >= -kLimit && number < kLimit) || number != std::floor(number)) return false;
  *value = static_cast<std::int64_t>(number);
  return true;
}

std::uint16_t type_of_parameter(lua_State* L, int index) {
  std::int64_t unused;
  switch (lua_type(L, index)) {
    case LUA_TNIL: return mysql::kNullParameter;
    case LUA_TBOOLEAN: return mysql::kBoolParameter;
    case LUA_TSTRING: return mysql::kTextParameter;
    default:
      if (to_integer(L, index, &unused)) return mysql::kIntegerParameter;
      if (lua_type(L, index) == LUA_TNUMBER) return mysql::kDoubleParameter;
      luaL_error(L, "invalid parameter type %s", luaL_typename(L, index));
      return 0;
  }
}

void append_parameter(lua_State* L, Scratch& out, int index) {
  std::int64_t integer = 0;
  switch (type_of_parameter(L, index)) {
    case mysql::kNullParameter: break;
    case mysql::kBoolParameter: append_number(out, lua_toboolean(L, index) ? 1 : 0, 1); break;
    case mysql::kTextParameter: {
      std::size_t size;
      const char* text = lua_tolstring(L, index, &size);
      out.add(mysql::write_length(size, out.prepare(mysql::kMaxLengthBytes)));
      out.append({text, size});
      break;
    }
    case mysql::kIntegerParameter:
      to_integer(L, index, &integer);
      append_number(out, static_cast<std::uint64_t>(integer), 8);
      break;
    default: append_number(out, std::bit_cast<std::uint64_t>(lua_tonumber(L, index)), 8);
  }
}

void append_nulls(lua_State* L, Scratch& out, int first, int count) {
  for (int i = 0; i < count; i += 8) {
    unsigned bits = 0;
    for (int bit = 0; bit < 8 && i + bit < count; ++bit) {
      if (lua_isnil(L, first + i + bit)) bits |= 1U << bit;
    }
    append_number(out, bits, 1);
  }
}

// execute(code, id, count, ...) -> bytes
int l_execute(lua_State* L) {
  constexpr int kFirst = 4;
  const auto code = static_cast<std::uint64_t>(luaL_checkinteger(L, 1));
  const auto id = static_cast<std::uint64_t>(luaL_checkinteger(L, 2));
  const auto wanted = static_cast<int>(luaL_checkinteger(L, 3));
  const int count = lua_gettop(L) - kFirst + 1;
  if (count != wanted) {
    return luaL_error(L, "require stmt.param_count %d get arg_num %d", wanted, count);
  }
  luaL_checkstack(L, 10, "mysql");
  Scratch body(L);
  append_number(body, code, 1);
  append_number(body, id, 4);
  append_number(body, 0, 1);  // no cursor
  append_number(body, 1, 4);  // once
  if (count > 0) {
    append_nulls(L, body, kFirst, count);
    append_number(body, 1, 1);  // types follow
    for (int i = 0; i < count; ++i) append_number(body, type_of_parameter(L, kFirst + i), 2);
    for (int i = 0; i < count; ++i) append_parameter(L, body, kFirst + i);
  }
  return push_framed(L, {body.data(), body.size()}, {}, 0);
}

// quote(text) -> literal
int l_quote(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  Scratch out(L);
  out.append("'");
  for (const char c : text) {
    char* const place = out.prepare(2);
    const std::size_t known = std::string_view("\0\b\n\r\t\x1a\\'\"", 9).find(c);
    if (known == std::string_view::npos) {
      place[0] = c;
      out.add(1);
    } else {
      place[0] = '\\';
      place[1] = "0bnrtZ\\'\""[known];
      out.add(2);
    }
  }
  out.append("'");
  out.push();
  return 1;
}

// ---- the login ----------------------------------------------------------------------------------

void set_text(lua_State* L, const char* key, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
  lua_setfield(L, -2, key);
}

void set_number(lua_State* L, const char* key, lua_Integer number) {
  lua_pushinteger(L, number);
  lua_setfield(L, -2, key);
}

// greeting(payload) -> { version =, scramble =, plugin =, tls =, plugin_auth = } | nil
int l_greeting(lua_State* L) {
  const std::optional<mysql::Greeting> greeting = mysql::parse_greeting(check_string(L, 1));
  static_assert(std::is_trivially_destructible_v<mysql::Greeting>);
  if (!greeting) return 0;
  lua_createtable(L, 0, 5);
  set_text(L, "version", greeting->version);
  set_text(L, "scramble", {greeting->scramble.data(), greeting->scramble.size()});
  set_text(L, "plugin", greeting->plugin);
  lua_pushboolean(L, (greeting->capabilities & mysql::kTls) != 0);
  lua_setfield(L, -2, "tls");
  lua_pushboolean(L, (greeting->capabilities & mysql::kPluginAuth) != 0);
  lua_setfield(L, -2, "plugin_auth");
  return 1;
}

// login(capabilities, max_packet, collation [, user, token, database, plugin]) -> payload
// Without a user it is the request for TLS.
int l_login(lua_State* L) {
  mysql::Login login;
  login.capabilities = static_cast<std::uint32_t>(luaL_checkinteger(L, 1));
  login.max_packet = static_cast<std::uint32_t>(luaL_checkinteger(L, 2));
  login.collation = static_cast<std::uint8_t>(luaL_checkinteger(L, 3));
  if (lua_isnoneornil(L, 4)) {
    char head[mysql::kLoginHeadBytes];
    mysql::write_login_head(login, head);
    lua_pushlstring(L, head, sizeof head);
    return 1;
  }
  login.user = check_string(L, 4);
  login.token = check_string(L, 5);
  login.database = check_string(L, 6);
  login.plugin = check_string(L, 7);
  luaL_argcheck(L, login.token.size() <= mysql::kMaxToken, 5, "too long");
  Scratch out(L);
  const std::size_t size = mysql::login_bytes(login);
  mysql::write_login(login, out.prepare(size));
  out.add(size);
  out.push();
  return 1;
}

// auth_switch(payload) -> plugin, scramble | nil
int l_auth_switch(lua_State* L) {
  const std::optional<mysql::Switch> wanted = mysql::parse_switch(check_string(L, 1));
  if (!wanted) return 0;
  lua_pushlstring(L, wanted->plugin.data(), wanted->plugin.size());
  lua_pushlstring(L, wanted->scramble.data(), wanted->scramble.size());
  return 2;
}

void push_failure(lua_State* L, const mysql::Failure& failure) {
  lua_createtable(L, 0, 4);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "badresult");
  set_number(L, "errno", failure.code);
  set_text(L, "err", failure.text);
  if (!failure.state.empty()) set_text(L, "sqlstate", failure.state);
}

// failure(payload) -> { badresult = true, errno =, err =, sqlstate = } | nil
int l_failure(lua_State* L) {
  const std::string_view payload = check_string(L, 1);
  if (!mysql::is_failure(payload)) return 0;
  const std::optional<mysql::Failure> failure = mysql::parse_failure(payload);
  if (!failure) return 0;
  push_failure(L, *failure);
  return 1;
}

// ---- results ------------------------------------------------------------------------------------

void push_natural(lua_State* L, std::uint64_t number) {
  if (number <= static_cast<std::uint64_t>(INT64_MAX)) {
    push_int64(L, static_cast<std::int64_t>(number));
  } else {
    lua_pushnumber(L, static_cast<lua_Number>(number));
  }
}

void push_value(lua_State* L, const Value& value) {
  switch (value.kind) {
    case Kind::null: return lua_pushnil(L);
    case Kind::integer: return push_int64(L, value.integer);
    case Kind::natural: return lua_pushnumber(L, static_cast<lua_Number>(value.natural));
    case Kind::real: return lua_pushnumber(L, value.real);
    case Kind::whole:
#ifdef RUNTIME_LUAJIT
      return lua_pushnumber(L, value.real);
#else
      return lua_pushinteger(L, value.integer);
#endif
    case Kind::text: lua_pushlstring(L, value.text.data(), value.text.size());
  }
}

// Pushes a table. False: the packet is no such row.
template <class Row>
bool push_row(lua_State* L, Row row, const std::vector<Column>& columns, int names, bool compact) {
  const auto count = static_cast<int>(columns.size());
  lua_createtable(L, compact ? count : 0, compact ? 0 : count);
  for (int i = 0; i < count; ++i) {
    Value value;
    if (!row.next(columns[static_cast<std::size_t>(i)], value)) return false;
    if (compact) {
      push_value(L, value);
      lua_rawseti(L, -2, i + 1);
    } else {
      lua_rawgeti(L, names, i + 1);
      push_value(L, value);
      lua_rawset(L, -3);
    }
  }
  return row.at_end();
}

void push_ok(lua_State* L, const mysql::Ok& ok) {
  lua_createtable(L, 0, 5);
  push_natural(L, ok.affected_rows);
  lua_setfield(L, -2, "affected_rows");
  push_natural(L, ok.insert_id);
  lua_setfield(L, -2, "insert_id");
  set_number(L, "server_status", ok.status);
  set_number(L, "warning_count", ok.warnings);
  if (!ok.message.empty()) set_text(L, "message", ok.message);
}

void push_columns(lua_State* L, const std::vector<Column>& columns) {
  lua_createtable(L, static_cast<int>(columns.size()), 0);
  int place = 0;
  for (const Column& column : columns) {
    lua_createtable(L, 0, 3);
    set_text(L, "name", column.name);
    set_number(L, "type", column.type);
    if (!column.is_unsigned()) {
      lua_pushboolean(L, 1);
      lua_setfield(L, -2, "is_signed");
    }
    lua_rawseti(L, -2, ++place);
  }
}

void push_prepared(lua_State* L, const LuaReader& reader) {
  const mysql::Prepared& prepared = reader.prepared();
  lua_createtable(L, 0, 6);
  set_number(L, "prepare_id", prepared.id);
  set_number(L, "field_count", prepared.columns);
  set_number(L, "param_count", prepared.parameters);
  set_number(L, "warning_count", prepared.warnings);
  push_columns(L, reader.parameters());
  lua_setfield(L, -2, "params");
  push_columns(L, reader.columns());
  lua_setfield(L, -2, "fields");
}

// Makes the table for the rows, and the list of the columns' names; both stay in the reader's table.
void begin_rows(lua_State* L, LuaReader& reader, int table) {
  const std::vector<Column>& columns = reader.columns();
  lua_newtable(L);
  lua_rawseti(L, table, kRows);
  lua_createtable(L, static_cast<int>(columns.size()), 0);
  int place = 0;
  for (const Column& column : columns) {
    lua_pushlstring(L, column.name.data(), column.name.size());
    lua_rawseti(L, -2, ++place);
  }
  lua_rawseti(L, table, kNames);
  reader.rows = 0;
}

// Reads rows as long as there are whole ones. Leaves what the reader says after them.
Step read_rows(lua_State* L, LuaReader& reader, int table, bool compact) {
  lua_rawgeti(L, table, kRows);
  lua_rawgeti(L, table, kNames);
  const int rows = lua_gettop(L) - 1;
  const int names = rows + 1;
  Step step = reader.next();
  for (; step == Step::row; step = reader.next()) {
    const std::string_view packet = reader.payload();
    const std::vector<Column>& columns = reader.columns();
    const bool good =
        reader.is_binary()
            ? push_row(L, mysql::BinaryRow(packet, columns.size()), columns, names, compact)
            : push_row(L, mysql::TextRow(packet), columns, names, compact);
    if (!good) {
      step = reader.fail("a row that does not fit its columns");
      break;
    }
    lua_rawseti(L, rows, static_cast<int>(++reader.rows));
  }
  lua_settop(L, rows - 1);
  return step;
}

int push_fault(lua_State* L, const LuaReader& reader) {
  lua_pushboolean(L, 0);
  lua_pushstring(L, reader.fault());
  lua_pushboolean(L, reader.is_misplaced());
  return 3;
}

// The next result of the reply, or nothing when more bytes are needed.
int push_result(lua_State* L, LuaReader& reader, bool compact) {
  luaL_checkstack(L, 12, "mysql");
  push_own_table(L, 1);
  const int table = lua_gettop(L);
  Step step = read_rows(L, reader, table, compact);
  if (step == Step::columns) {
    begin_rows(L, reader, table);
    step = read_rows(L, reader, table, compact);
  }
  switch (step) {
    case Step::ok: push_ok(L, reader.ok()); break;
    case Step::failure: push_failure(L, reader.failure()); break;
    case Step::prepared: push_prepared(L, reader); break;
    case Step::rows_end:
      lua_rawgeti(L, table, kRows);
      lua_pushnil(L);
      lua_rawseti(L, table, kRows);
      break;
    case Step::fault: return push_fault(L, reader);
    default: return 0;
  }
  lua_pushboolean(L, reader.has_more());
  return 2;
}

int l_reader(lua_State* L) {
  push_object<LuaReader>(L);
  lua_createtable(L, 2, 0);
  set_own_table(L, -2);
  return 1;
}

int l_expect(lua_State* L) {
  LuaReader& reader = self<LuaReader>(L, 1);
  const lua_Integer kind = luaL_checkinteger(L, 2);
  luaL_argcheck(L, kind >= 0 && kind <= static_cast<int>(mysql::Expected::prepared), 2, "unknown");
  reader.expect(static_cast<mysql::Expected>(kind));
  return 0;
}

int l_next(lua_State* L) { return push_result(L, self<LuaReader>(L, 1), lua_toboolean(L, 2) != 0); }

int l_feed(lua_State* L) {
  LuaReader& reader = self<LuaReader>(L, 1);
  reader.feed(check_string(L, 2));
  return 0;
}

// payload, number = reader:packet()
int l_next_packet(lua_State* L) {
  mysql::PacketReader& packets = self<LuaReader>(L, 1).packets();
  const mysql::Status status = packets.next();
  if (status == mysql::Status::incomplete) return 0;
  if (status == mysql::Status::error) return luaL_error(L, "a packet of more than 1 GB");
  lua_pushlstring(L, packets.payload().data(), packets.payload().size());
  lua_pushinteger(L, packets.number());
  return 2;
}

int l_held(lua_State* L) {
  const std::size_t held = self<LuaReader>(L, 1).packets().held();
  lua_pushinteger(L, static_cast<lua_Integer>(held));
  return 1;
}

}  // namespace

int open_mysql_codec(lua_State* L) {
  constexpr luaL_Reg kMethods[] = {
      {"expect", l_expect},      {"feed", l_feed}, {"next", l_next},
      {"packet", l_next_packet}, {"held", l_held}, {nullptr, nullptr},
  };
  constexpr luaL_Reg kFunctions[] = {
      {"auth_switch", l_auth_switch},
      {"command", l_command},
      {"execute", l_execute},
      {"failure", l_failure},
      {"greeting", l_greeting},
      {"login", l_login},
      {"on_statement", l_on_statement},
      {"packet", l_packet},
      {"quote", l_quote},
      {"reader", l_reader},
      {nullptr, nullptr},
  };
  define_type<LuaReader>(L, kMethods);
  lua_newtable(L);
  set_functions<LuaReader>(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
