// skynet.db.mysql.codec: requests into bytes, bytes into results. The interface is described in
// lualib/meta/mysql_codec.lua.
#include "lua_mysql.h"

#include <bit>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>

#include "lua/engine.h"
#include "mysql/login.h"
#include "mysql/packet_reader.h"
#include "mysql/packets.h"
#include "mysql/parameters.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

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
  const std::string_view text = lua_isnone(L, 2) ? std::string_view() : check_string(L, 2);
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
  return lua_type(L, index) == LUA_TNUMBER && whole_number(lua_tonumber(L, index), value);
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
  std::int64_t whole;
  char digits[24];
  // A whole number of which tostring() would round the last digits, on LuaJIT.
  const std::string_view text =
      lua_type(L, 1) != LUA_TSTRING && to_int64(L, 1, &whole)
          ? std::string_view(digits, std::to_chars(digits, std::end(digits), whole).ptr)
          : check_string(L, 1);
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

// failure(payload) -> { badresult = true, errno =, err =, sqlstate = } | nil
int l_failure(lua_State* L) {
  const std::string_view payload = check_string(L, 1);
  if (!mysql::is_failure(payload)) return 0;
  const std::optional<mysql::Failure> failure = mysql::parse_failure(payload);
  if (!failure) return 0;
  push_failure(L, *failure);
  return 1;
}

}  // namespace

int open_mysql_codec(lua_State* L) {
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
      {nullptr, nullptr},
  };
  lua_newtable(L);
  luaL_setfuncs(L, kFunctions, 0);
  add_mysql_reader(L);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
