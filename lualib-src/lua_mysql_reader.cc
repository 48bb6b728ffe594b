// The readers of skynet.db.mysql.codec: bytes into results.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "block_taker.h"
#include "lua/record_shapes.h"
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

// Makes the rows of a result, each a table of its own: as records (lua/record_shapes.h) when the names of the columns are
// those of many results, else field by field.
class RowMaker {
 public:
  // `table` is the index of the reader's own table.
  RowMaker(lua_State* L, const LuaReader& reader, int table)
      : L_(L),
        columns_(reader.columns()),
        table_(table),
        compact_(reader.is_compact),
        shapes_(named() ? RecordShapes::of(L) : nullptr) {}

  // Pushes the row. False: the packet is no such one.
  template <class Row>
  bool push(const Row& row) {
    if (shapes_ != nullptr && (knows_shape() || find_shape())) {
      switch (push_record(row)) {
        case Made::yes: return true;
        case Made::bad_row: return false;
        case Made::no: break;
      }
    }
    return compact_ ? push_list(row) : push_fields(row);
  }

 private:
  enum class Made : std::uint8_t { yes, no, bad_row };

  bool named() const {
    return !compact_ && !columns_.empty() && columns_.size() <= std::size_t{kRecordKeys};
  }
  int count() const { return static_cast<int>(columns_.size()); }
  // Lua code that ran since the row before may have made it into another one.
  bool knows_shape() const { return shape_ != nullptr && shape_->serial == serial_; }
  bool find_shape();
  static bool add(lua_State* L, Record& record, const Value& value);
  template <class Row>
  Made push_record(Row row);
  template <class Row>
  bool push_list(Row row);
  template <class Row>
  bool push_fields(Row row);
  void push_name(int place);

  lua_State* L_;
  const std::vector<Column>& columns_;
  int table_;
  bool compact_;
  RecordShapes* shapes_;  // null: no records, or no more of them
  const RecordShape* shape_ = nullptr;
  std::uint32_t serial_ = 0;  // of the shape
};

bool RowMaker::find_shape() {
  RecordKey keys[kRecordKeys];
  RecordKey* key = keys;
  for (const Column& column : columns_) *key++ = {column.name.data(), column.name.size()};
  bool frequent = false;
  shape_ = shapes_->find(keys, count(), &frequent);
  if (shape_ == nullptr && frequent) {
    shapes_->learn(L_, keys, count());
    shape_ = shapes_->find(keys, count(), &frequent);
    if (shape_ == nullptr) shapes_ = nullptr;  // two columns of one name
  }
  if (shape_ == nullptr) return false;
  serial_ = shape_->serial;
  return true;
}

// The next value of a record, which may push it. False: it is none for a record.
bool RowMaker::add(lua_State* L, Record& record, const Value& value) {
  switch (value.kind) {
    case Kind::null: record.add_nil(); return true;
    case Kind::natural: record.add(static_cast<double>(value.natural)); return true;
    case Kind::real: record.add(value.real); return true;
    case Kind::text:
      lua_pushlstring(L, value.text.data(), value.text.size());
      record.add_string();
      return true;
    case Kind::integer:
#ifdef RUNTIME_LUAJIT
    {
      constexpr std::int64_t kExact = std::int64_t{1} << 53;  // larger ones may be cdata
      if (value.integer > kExact || value.integer < -kExact) return false;
      record.add(value.integer);
      return true;
    }
    case Kind::whole: record.add(value.real); return true;
#else
    case Kind::whole: record.add(value.integer); return true;
#endif
  }
  return false;
}

template <class Row>
RowMaker::Made RowMaker::push_record(Row row) {
  const int base = lua_gettop(L_);
  Record record(L_, *shape_);
  Value value;
  for (const Column& column : columns_) {
    if (!row.next(column, value)) return Made::bad_row;
    if (!add(L_, record, value)) {
      lua_settop(L_, base);
      return Made::no;
    }
  }
  if (!row.at_end()) return Made::bad_row;
  return record.finish() ? Made::yes : Made::no;
}

template <class Row>
bool RowMaker::push_list(Row row) {
  lua_createtable(L_, count(), 0);
  Value value;
  for (int i = 0; i < count(); ++i) {
    if (!row.next(columns_[static_cast<std::size_t>(i)], value)) return false;
    push_value(L_, value);
    lua_rawseti(L_, -2, i + 1);
  }
  return row.at_end();
}

// Of the column at that place, from 1 on. The reader's table keeps them once one has been asked for.
void RowMaker::push_name(int place) {
  lua_rawgeti(L_, table_, kNames);
  if (lua_isnil(L_, -1)) {
    lua_pop(L_, 1);
    lua_createtable(L_, count(), 0);
    int last = 0;
    for (const Column& column : columns_) {
      lua_pushlstring(L_, column.name.data(), column.name.size());
      lua_rawseti(L_, -2, ++last);
    }
    lua_pushvalue(L_, -1);
    lua_rawseti(L_, table_, kNames);
  }
  lua_rawgeti(L_, -1, place);
  lua_replace(L_, -2);
}

template <class Row>
bool RowMaker::push_fields(Row row) {
  lua_createtable(L_, 0, count());
  Value value;
  for (int i = 0; i < count(); ++i) {
    if (!row.next(columns_[static_cast<std::size_t>(i)], value)) return false;
    push_name(i + 1);
    push_value(L_, value);
    lua_rawset(L_, -3);
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

// Makes the table for the rows, which stays in the reader's table.
void begin_rows(lua_State* L, LuaReader& reader, int table) {
  lua_newtable(L);
  lua_rawseti(L, table, kRows);
  lua_pushnil(L);
  lua_rawseti(L, table, kNames);  // those of the result before
  reader.rows = 0;
}

// Reads rows as long as there are whole ones. Leaves what the reader says after them.
Step read_rows(lua_State* L, LuaReader& reader, int table) {
  Step step = reader.next();
  if (step != Step::row) return step;
  lua_rawgeti(L, table, kRows);
  const int rows = lua_gettop(L);
  RowMaker maker(L, reader, table);
  for (; step == Step::row; step = reader.next()) {
    const std::string_view packet = reader.payload();
    const bool good = reader.is_binary()
                          ? maker.push(mysql::BinaryRow(packet, reader.columns().size()))
                          : maker.push(mysql::TextRow(packet));
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
  luaL_checkstack(L, 12 + kRecordKeys, "mysql");
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
