// sproto.core: tables to bytes. The format is drawn in sproto/wire.h.
#include <cmath>
#include <cstdlib>

#include "lua_sproto.h"
#include "scratch.h"
#include "sproto/header_writer.h"
#include "sproto/wire.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using sproto::Field;
using sproto::Kind;
using sproto::Type;

// Where the fields of a struct are, as stack indices: in a table, or, for an element of a map, its key and its value.
struct Source {
  int table;  // 0 for an element of a map
  int key = 0;
  int value = 0;
  int names = 0;  // of the first field's name, the others follow; 0: they are to be looked up
};

class Encoder {
 public:
  // Pushes what it needs, and leaves it there.
  Encoder(lua_State* L, int names) : L_(L), names_(names), levels_(L), out_(L) {}

  void structure(const Type& type, const Source& source);
  void push() { out_.push(); }

 private:
  using Header = sproto::HeaderWriter<Scratch>;
  static constexpr int kNotInline = Header::kPart;
  static constexpr int kValues = 8;  // of fields, that lie on the stack at once
  static_assert(kValues + Levels::kNames + 8 <= Levels::kSlots);

  void push_field(const Type& type, const Field& field, const Source& source);
  int value(const Type& type, const Field& field);
  void array(const Type& type, const Field& field);
  void map(const Type& type, const Field& field, int table);
  void map_element(const Type& type, const Field& field);
  void list(const Type& type, const Field& field, int table);
  void integer_list(const Type& type, const Field& field, int table);
  bool push_element(int table, bool plain, int index);
  void nested(const Field& field, const Source& source);

  double real() const;
  std::int64_t check_integer(const Type& type, const Field& field, int index);
  bool check_boolean(const Type& type, const Field& field, int index);
  std::string_view check_text(const Type& type, const Field& field, int index);
  [[noreturn, gnu::cold]] void raise(const Type& type, const Field& field, int index,
                                     const char* wanted) {
    luaL_error(L_, "%s.%s[%d] is not %s (Is a %s)", type.name.c_str(), field.name.c_str(), index,
               wanted, luaL_typename(L_, -1));
    std::abort();  // luaL_error does not return, which its declaration hides
  }

  // A data part begins with its length, which is known at its end.
  std::size_t begin_part() {
    const std::size_t start = out_.size();
    reserve(sproto::kLengthBytes);
    out_.add(sproto::kLengthBytes);
    return start;
  }
  void end_part(std::size_t start) {
    const auto size = static_cast<std::uint32_t>(out_.size() - start - sproto::kLengthBytes);
    std::memcpy(out_.data() + start, &size, sizeof size);
  }
  void put_part(std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    char* at = reserve(sizeof size + bytes.size());
    std::memcpy(at, &size, sizeof size);
    if (size != 0) std::memcpy(at + sizeof size, bytes.data(), size);
    out_.add(sizeof size + size);
  }
  template <class Number>
  void put(Number number) {
    std::memcpy(reserve(sizeof number), &number, sizeof number);
    out_.add(sizeof number);
  }
  char* reserve(std::size_t bytes) {
    if (bytes > sproto::kMaxBytes - out_.size())
      luaL_error(L_, "object is too large (>%d)", static_cast<int>(sproto::kMaxBytes));
    return out_.prepare(bytes);
  }

  lua_State* L_;
  int names_;
  Levels levels_;
  Scratch out_;
};

static_assert(std::is_trivially_destructible_v<Encoder>);

// Whether what is at `index` can be indexed like a table.
bool is_table_like(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TTABLE) return true;
  if (lua_type(L, index) != LUA_TUSERDATA || !luaL_getmetafield(L, index, "__index")) return false;
  lua_pop(L, 1);
  return true;
}

// ---- one value, on the top of the stack ------------------------------------------------------------

// 0 for what is no number, as sproto has it.
double Encoder::real() const {
#ifdef RUNTIME_LUAJIT
  std::int64_t whole;
  if (lua_type(L_, -1) == LUA_TCDATA && to_int64(L_, -1, &whole)) return static_cast<double>(whole);
#endif
  return lua_tonumber(L_, -1);
}

std::int64_t Encoder::check_integer(const Type& type, const Field& field, int index) {
  if (field.scale != 0) {
    const double number = std::round(real() * field.scale);
    if (!(number >= -0x1p63 && number < 0x1p63)) raise(type, field, index, "a number of 64 bits");
    return static_cast<std::int64_t>(number);
  }
#ifdef RUNTIME_LUA54
  int good;
  const std::int64_t whole = lua_tointegerx(L_, -1, &good);
  if (!good) raise(type, field, index, "an integer");
  return whole;
#else
  std::int64_t whole;
  if (to_int64(L_, -1, &whole)) return whole;
  const double number = lua_tonumber(L_, -1);  // of a string as well
  if (!lua_isnumber(L_, -1) || number != std::floor(number) ||
      !(number >= -0x1p63 && number < 0x1p63)) {
    raise(type, field, index, "an integer");
  }
  return static_cast<std::int64_t>(number);
#endif
}

bool Encoder::check_boolean(const Type& type, const Field& field, int index) {
  if (lua_type(L_, -1) != LUA_TBOOLEAN) raise(type, field, index, "a boolean");
  return lua_toboolean(L_, -1);
}

std::string_view Encoder::check_text(const Type& type, const Field& field, int index) {
  if (lua_type(L_, -1) != LUA_TSTRING) raise(type, field, index, "a string");
  std::size_t size;
  const char* bytes = lua_tolstring(L_, -1, &size);
  return {bytes, size};
}

// Writes it as a data part, or returns the number that stands in the header instead.
int Encoder::value(const Type& type, const Field& field) {
  switch (field.kind) {
    case Kind::integer: {
      const std::int64_t number = check_integer(type, field, 0);
      if (number >= 0 && number <= sproto::kMaxInline) return static_cast<int>(number);
      if (number == static_cast<std::int32_t>(number)) {
        put<std::uint32_t>(4);
        put(static_cast<std::int32_t>(number));
      } else {
        put<std::uint32_t>(8);
        put(number);
      }
      return kNotInline;
    }
    case Kind::boolean: return check_boolean(type, field, 0) ? 1 : 0;
    case Kind::real:
      put<std::uint32_t>(8);
      put<double>(real());
      return kNotInline;
    case Kind::string: put_part(check_text(type, field, 0)); return kNotInline;
    case Kind::structure:
      if (!is_table_like(L_, -1)) raise(type, field, 0, "a table");
      nested(field, {.table = lua_gettop(L_)});
      return kNotInline;
  }
  return kNotInline;
}

void Encoder::nested(const Field& field, const Source& source) {
  const std::size_t start = begin_part();
  structure(*field.type, source);
  end_part(start);
}

// ---- arrays ----------------------------------------------------------------------------------------

// Writes the array on the top of the stack as a data part.
void Encoder::array(const Type& type, const Field& field) {
  if (!is_table_like(L_, -1)) {
    luaL_error(L_, "%s.%s(%d) should be a table or an userdata with metamethods (Is a %s)",
               type.name.c_str(), field.name.c_str(), 1, luaL_typename(L_, -1));
  }
  const std::size_t start = begin_part();
  const int table = lua_gettop(L_);
  if (field.key >= 0) {
    map(type, field, table);
  } else if (field.kind == Kind::integer) {
    integer_list(type, field, table);
  } else {
    list(type, field, table);
  }
  end_part(start);
}

// Pushes element `index`; false, and nothing pushed, at the first that is nil.
bool Encoder::push_element(int table, bool plain, int index) {
  if (plain) {
    stock_lua_rawgeti(L_, table, index);
  } else {
    lua_pushinteger(L_, index);
    lua_gettable(L_, table);
  }
  if (!lua_isnil(L_, -1)) return true;
  lua_pop(L_, 1);
  return false;
}

// Whether nothing but the table itself has its elements: it is neither shared nor somebody's proxy.
bool is_plain(lua_State* L, int table) {
  if (lua_type(L, table) != LUA_TTABLE) return false;
  if (!stock_lua_getmetatable(L, table)) return true;
  lua_pop(L, 1);
  return false;
}

void Encoder::list(const Type& type, const Field& field, int table) {
  const bool plain = is_plain(L_, table);
  const int names = field.kind == Kind::structure ? push_names(L_, *field.type, names_) : 0;
  const int top = lua_gettop(L_);
  for (int index = 1; push_element(table, plain, index); ++index) {
    if (field.kind == Kind::structure) {
      if (!is_table_like(L_, -1)) raise(type, field, index, "a table");
      nested(field, {.table = top + 1, .names = names});
    } else if (field.kind == Kind::real) {
      if (index == 1) put<std::uint8_t>(8);
      put<double>(real());
    } else if (field.kind == Kind::boolean) {
      put<std::uint8_t>(check_boolean(type, field, index));
    } else {
      put_part(check_text(type, field, index));
    }
    lua_settop(L_, top);
  }
}

// One byte, the width, then the numbers: 4 bytes each until one needs 8; that widens those before it.
void Encoder::integer_list(const Type& type, const Field& field, int table) {
  const bool plain = is_plain(L_, table);
  const std::size_t width_at = out_.size();
  std::uint8_t width = 4;
  for (int index = 1; push_element(table, plain, index); ++index) {
    const std::int64_t number = check_integer(type, field, index);
    lua_settop(L_, table);
    if (index == 1) put(width);
    if (width == 4 && number != static_cast<std::int32_t>(number)) {
      width = 8;
      const auto count = static_cast<std::size_t>(index - 1);
      reserve(4 * count);
      out_.add(4 * count);
      char* numbers = out_.data() + width_at;
      *numbers++ = static_cast<char>(width);
      for (std::size_t i = count; i-- > 0;) {
        const std::int64_t wide = sproto::load<std::int32_t>(numbers + 4 * i);
        std::memcpy(numbers + 8 * i, &wide, sizeof wide);
      }
    }
    if (width == 4) {
      put(static_cast<std::int32_t>(number));
    } else {
      put(number);
    }
  }
}

// All entries, in whatever order they come.
void Encoder::map(const Type& type, const Field& field, int table) {
  if (luaL_getmetafield(L_, table, "__pairs")) {
    lua_pushvalue(L_, table);
    lua_call(L_, 1, 3);
    for (;;) {
      lua_pushvalue(L_, -3);  // the iterator and its state, below the control variable
      lua_pushvalue(L_, -3);
      lua_pushvalue(L_, -3);
      lua_call(L_, 2, 2);
      if (lua_isnil(L_, -2)) break;
      map_element(type, field);
      lua_pop(L_, 1);
      lua_replace(L_, -2);
    }
    lua_settop(L_, table);
    return;
  }
  if (lua_type(L_, table) != LUA_TTABLE)
    luaL_error(L_, "%s.%s can't be iterated: it has no __pairs", type.name.c_str(),
               field.name.c_str());
  lua_pushnil(L_);
  while (lua_next(L_, table)) {
    map_element(type, field);
    lua_pop(L_, 1);
  }
}

// The entry whose key and value are on the top of the stack.
void Encoder::map_element(const Type& type, const Field& field) {
  const int top = lua_gettop(L_);
  if (field.map) {
    nested(field, {.table = 0, .key = top - 1, .value = top});
  } else {
    if (!is_table_like(L_, top)) raise(type, field, 0, "a table");
    nested(field, {.table = top});
  }
}

// ---- structs ---------------------------------------------------------------------------------------

void Encoder::push_field(const Type& type, const Field& field, const Source& source) {
  if (source.table == 0) {
    lua_pushvalue(L_, &field == &type.fields[0] ? source.key : source.value);
    return;
  }
  push_name(L_, field, static_cast<std::size_t>(&field - type.fields.data()), names_, source.names);
  lua_gettable(L_, source.table);
}

void Encoder::structure(const Type& type, const Source& source) {
  levels_.enter();
  const std::size_t room = Header::room(type.max_words);
  reserve(room);
  out_.add(room);
  Header header(out_, type.max_words);

  const int top = lua_gettop(L_);
  int left = kValues;
  for (const Field& field : type.fields) {
    if (--left < 0) {  // clearing the stack costs as much as a field: not after each
      lua_settop(L_, top);
      left = kValues - 1;
    }
    push_field(type, field, source);
    if (lua_isnil(L_, -1)) continue;
    int number = kNotInline;
    if (field.array) {
      array(type, field);
    } else {
      number = value(type, field);
    }
    header.add(field.tag, number);
  }
  lua_settop(L_, top);
  header.close();
  levels_.leave();
}

}  // namespace

void push_encoded(lua_State* L, const Type& type, int names, int value) {
  if (push_plain_encoded(L, type, names, value)) return;
  Encoder encoder(L, names);
  encoder.structure(type, {.table = value});
  encoder.push();
}

}  // namespace runtime::RUNTIME_ENGINE
