// The readers of skynet.db.mysql.codec: bytes into results.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "block_taker.h"
#include "lua_mysql.h"
#include "mysql/reply_reader.h"
#include "mysql/row.h"
#include "object.h"

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
  bool is_reading = false;  // a reply has been asked for, and is not at its end
  bool is_compact = false;  // rows of the result that is being read are lists
  lua_Integer rows = 0;     // in kRows

  void take(char* block, std::size_t size) noexcept {
    feed({block, size});
    std::free(block);
  }
};

// Places in the table of a reader.
constexpr int kRows = 1;
constexpr int kNames = 2;

// ---- values and rows ----------------------------------------------------------------------------

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
Step read_rows(lua_State* L, LuaReader& reader, int table) {
  lua_rawgeti(L, table, kRows);
  lua_rawgeti(L, table, kNames);
  const int rows = lua_gettop(L) - 1;
  const int names = rows + 1;
  Step step = reader.next();
  for (; step == Step::row; step = reader.next()) {
    const std::string_view packet = reader.payload();
    const std::vector<Column>& columns = reader.columns();
    const bool good = reader.is_binary()
                          ? push_row(L, mysql::BinaryRow(packet, columns.size()), columns, names,
                                     reader.is_compact)
                          : push_row(L, mysql::TextRow(packet), columns, names, reader.is_compact);
    if (!good) {
      step = reader.fail("a row that does not fit its columns");
      break;
    }
    lua_rawseti(L, rows, static_cast<int>(++reader.rows));
  }
  lua_settop(L, rows - 1);
  return step;
}

int push_held(lua_State* L, LuaReader& reader) {
  lua_pushinteger(L, static_cast<lua_Integer>(reader.packets().held()));
  return 1;
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
  Step step = read_rows(L, reader, table);
  if (step == Step::columns) {
    begin_rows(L, reader, table);
    reader.is_compact = compact;
    step = read_rows(L, reader, table);
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
  reader.is_reading = reader.has_more();
  lua_pushboolean(L, reader.has_more());
  return 2 + push_held(L, reader);
}

// ---- the methods ---------------------------------------------------------------------------------

int l_reader(lua_State* L) {
  push_object<LuaReader>(L);
  lua_createtable(L, 2, 0);
  set_own_table(L, -2);
  return 1;
}

// result, more, held = reader:next(kind, compact)
int l_next(lua_State* L) {
  LuaReader& reader = self<LuaReader>(L, 1);
  if (!reader.is_reading) {
    const lua_Integer kind = luaL_checkinteger(L, 2);
    luaL_argcheck(L, kind >= 0 && kind <= static_cast<int>(mysql::Expected::prepared), 2,
                  "unknown");
    reader.expect(static_cast<mysql::Expected>(kind));
    reader.is_reading = true;
  }
  return push_result(L, reader, lua_toboolean(L, 3) != 0);
}

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

int l_held(lua_State* L) { return push_held(L, self<LuaReader>(L, 1)); }

}  // namespace

void add_mysql_reader(lua_State* L) {
  constexpr luaL_Reg kMethods[] = {
      {"feed", l_feed}, {"take", l_take_block<LuaReader>},
      {"next", l_next}, {"packet", l_next_packet},
      {"held", l_held}, {nullptr, nullptr},
  };
  constexpr luaL_Reg kFunctions[] = {{"reader", l_reader}, {nullptr, nullptr}};
  define_type<LuaReader>(L, kMethods);
  set_functions<LuaReader>(L, kFunctions);
}

}  // namespace runtime::RUNTIME_ENGINE
