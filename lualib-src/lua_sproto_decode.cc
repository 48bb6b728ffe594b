// sproto.core: bytes to tables. The format is drawn in sproto/wire.h.
#include <algorithm>
#include <cstdlib>

#include "lua/record_shapes.h"
#include "lua_sproto.h"
#include "sproto/wire.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using sproto::Field;
using sproto::Kind;
using sproto::Step;
using sproto::StructReader;
using sproto::Type;

class Decoder {
 public:
  Decoder(lua_State* L, int names)
      : L_(L), names_(names), shapes_(RecordShapes::of(L)), levels_(L) {}

  // Pushes a table with the fields. `names` is what push_names() has returned, or 0.
  std::size_t push_structure(const Type& type, std::string_view bytes, int names = 0);
  // Fills the table on the top of the stack, which is the program's.
  std::size_t fill_top(const Type& type, std::string_view bytes) {
    StructReader reader = open(bytes);
    return fill(type, reader, false, 0);
  }
  // At the end: learns a shape that was met often.
  void learn() { shapes_.learn(L_); }

 private:
  [[noreturn, gnu::cold]] void fail() {
    luaL_error(L_, "decode error");
    std::abort();  // luaL_error does not return, which its declaration hides
  }

  StructReader open(std::string_view bytes) {
    levels_.enter();
    const std::optional<StructReader> reader = StructReader::open(bytes);
    if (!reader) fail();
    return *reader;
  }
  // Fills the table on the top of the stack, which was `made` here or is the program's.
  std::size_t fill(const Type& type, StructReader& reader, bool made, int names);
  void push_value(const Field& field, const StructReader::Value& value);
  void push_part(const Field& field, std::string_view part);
  void push_integer(const Field& field, std::int64_t number);
  void push_text(std::string_view text) { lua_pushlstring(L_, text.data(), text.size()); }
  void push_array(const Field& field, std::string_view part);
  void push_numbers(const Field& field, std::string_view part);
  void push_list(const Field& field, std::string_view part);
  void push_map(const Field& field, std::string_view part);
  void push_member(const Field& field, int element, const Field& member, const char* missing);
  std::string_view take_element(std::string_view& array) {
    std::string_view bytes;
    if (!sproto::take_part(array, &bytes)) fail();
    return bytes;
  }
  // An element or a nested struct fills its bytes.
  void push_whole(const Type& type, std::string_view bytes, int names = 0) {
    if (push_structure(type, bytes, names) != bytes.size()) fail();
  }
  std::size_t count_elements(std::string_view array) {
    std::size_t count = 0;
    for (; !array.empty(); ++count) take_element(array);
    return count;
  }

  // A field with its value, not set to zero before it is filled.
  struct Kept {
    const Field* field;
    const char* part;
    std::uint32_t part_bytes;
    std::uint16_t number;
    bool is_part;

    StructReader::Value value() const { return {0, is_part, number, {part, part_bytes}}; }
  };
  bool fits_record(const Kept& kept);
  // Pushes the struct as a record; false, and nothing pushed, when it is none, or its shape is not known.
  bool push_record(const Type& type, StructReader& reader);
  const RecordShape* find_shape(const Type& type, const Kept* fields, int count);
  bool has_names(const RecordShape& shape, const Kept* fields, int count) const;

  lua_State* L_;
  int names_;
  ShapeFinder shapes_;
  Levels levels_;
};

void Decoder::push_integer(const Field& field, std::int64_t number) {
  if (field.scale != 0) {
    lua_pushnumber(L_, static_cast<double>(number) / field.scale);
  } else {
    push_int64(L_, number);
  }
}

void Decoder::push_value(const Field& field, const StructReader::Value& value) {
  if (value.is_part) {
    field.array ? push_array(field, value.part) : push_part(field, value.part);
  } else if (field.array) {
    fail();
  } else if (field.kind == Kind::integer) {
    push_integer(field, value.number);
  } else if (field.kind == Kind::boolean) {
    lua_pushboolean(L_, value.number != 0);
  } else {
    fail();
  }
}

void Decoder::push_part(const Field& field, std::string_view part) {
  switch (field.kind) {
    case Kind::integer: {
      const std::optional<std::int64_t> number = sproto::part_integer(part);
      if (!number) fail();
      return push_integer(field, *number);
    }
    case Kind::boolean: return fail();
    case Kind::real:
      if (part.size() != sizeof(double)) fail();
      return lua_pushnumber(L_, sproto::load<double>(part.data()));
    case Kind::string: return push_text(part);
    case Kind::structure: return push_whole(*field.type, part);
  }
}

// ---- arrays ----------------------------------------------------------------------------------------

void Decoder::push_array(const Field& field, std::string_view part) {
  if (field.key >= 0) return push_map(field, part);
  if (field.kind == Kind::integer || field.kind == Kind::real) return push_numbers(field, part);
  if (field.kind != Kind::boolean) return push_list(field, part);
  lua_createtable(L_, static_cast<int>(std::min(part.size(), sproto::kMaxBytes)), 0);
  for (std::size_t i = 0; i < part.size(); ++i) {
    lua_pushboolean(L_, part[i] != 0);
    lua_rawseti(L_, -2, static_cast<int>(i) + 1);
  }
}

void Decoder::push_numbers(const Field& field, std::string_view part) {
  const bool integers = field.kind == Kind::integer;
  const std::optional<sproto::NumberArray> numbers =
      sproto::NumberArray::open(part, integers ? 4 : 8);
  if (!numbers) fail();
  lua_createtable(L_, static_cast<int>(numbers->size()), 0);
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    if (integers) {
      push_integer(field, numbers->integer(i));
    } else {
      lua_pushnumber(L_, numbers->real(i));
    }
    lua_rawseti(L_, -2, static_cast<int>(i) + 1);
  }
}

void Decoder::push_list(const Field& field, std::string_view part) {
  lua_createtable(L_, static_cast<int>(count_elements(part)), 0);
  const int list = lua_gettop(L_);
  const int names = field.kind == Kind::structure ? push_names(L_, *field.type, names_) : 0;
  for (int index = 1; !part.empty(); ++index) {
    const std::string_view bytes = take_element(part);
    field.kind == Kind::string ? push_text(bytes) : push_whole(*field.type, bytes, names);
    lua_rawseti(L_, list, index);
  }
  lua_settop(L_, list);
}

// Pushes the field `member` of the table at `element`; raises when it is not there.
void Decoder::push_member(const Field& field, int element, const Field& member,
                          const char* missing) {
  stock_lua_rawgeti(L_, names_, member.name_index + 1);
  stock_lua_rawget(L_, element);
  if (lua_isnil(L_, -1)) luaL_error(L_, "Can't find %s field in [%s]", missing, field.name.c_str());
}

void Decoder::push_map(const Field& field, std::string_view part) {
  lua_createtable(L_, 0, static_cast<int>(count_elements(part)));
  const int map = lua_gettop(L_);
  const Type& type = *field.type;
  while (!part.empty()) {
    push_whole(type, take_element(part));
    const int element = map + 1;
    if (field.map) {
      push_member(field, element, type.fields[0], "key");
      push_member(field, element, type.fields[1], "value");
      stock_lua_rawset(L_, map);
      lua_settop(L_, map);
      continue;
    }
    stock_lua_rawgeti(L_, names_, type.find(field.key)->name_index + 1);
    stock_lua_rawget(L_, element);
    if (lua_isnil(L_, -1))
      luaL_error(L_, "Can't find main index (tag=%d) in [%s]", field.key, field.name.c_str());
    lua_insert(L_, element);
    stock_lua_rawset(L_, map);
  }
}

// ---- structs ---------------------------------------------------------------------------------------

bool Decoder::fits_record(const Kept& kept) {
#ifdef RUNTIME_LUAJIT
  // A large integer may become cdata.
  if (kept.field->kind == Kind::integer && !kept.field->array && kept.is_part &&
      kept.part_bytes > 4)
    return kept.field->scale != 0;
#endif
  return kept.is_part || !kept.field->array;
}

// Whether the shape's keys are the very strings that the fields' names are.
bool Decoder::has_names(const RecordShape& shape, const Kept* fields, int count) const {
  if (shape.count != count) return false;
  const RawValue* const names = raw_table(L_, names_).array();
  for (int i = 0; i < count; ++i) {
    const std::string_view name = names[fields[i].field->name_index].text();
    if (name.data() != shape.keys[i].name.text) return false;
  }
  return true;
}

const RecordShape* Decoder::find_shape(const Type& type, const Kept* fields, int count) {
  for (const Kept* kept = fields; kept != fields + count; ++kept) {
    if (!fits_record(*kept)) return nullptr;
  }
  const RecordShape*& likely = shapes_.likely(reinterpret_cast<std::uintptr_t>(&type));
  if (likely != nullptr && has_names(*likely, fields, count)) return likely;
  const RawTable& names = raw_table(L_, names_);
  RecordKey keys[kRecordKeys];
  for (int i = 0; i < count; ++i) {
    const std::string_view name = names.array()[fields[i].field->name_index].text();
    keys[i] = {name.data(), name.size()};
  }
  const RecordShape* const shape = shapes_.find(keys, count);
  if (shape != nullptr) likely = shape;
  return shape;
}

bool Decoder::push_record(const Type& type, StructReader& reader) {
  if (!shapes_.has_shapes()) return false;
  Kept fields[kRecordKeys];
  int count = 0;
  StructReader::Value value;
  std::size_t from = 0;
  Step step;
  while ((step = reader.next(&value)) == Step::value) {
    const Field* field = type.find(value.tag, &from);
    if (field == nullptr) continue;
    if (count == kRecordKeys) return false;
    fields[count++] = {field, value.part.data(), static_cast<std::uint32_t>(value.part.size()),
                       value.number, value.is_part};
  }
  if (step == Step::broken || count == 0) return false;
  const RecordShape* const shape = find_shape(type, fields, count);
  if (shape == nullptr) return false;
  Record record(L_, *shape);
  for (const Kept* kept = fields; kept != fields + count; ++kept) {
    const Field& field = *kept->field;
    const std::string_view part{kept->part, kept->part_bytes};
    if (field.array || field.kind == Kind::structure) {
      push_value(field, kept->value());
      record.add_table();
    } else if (field.kind == Kind::string) {
      if (!kept->is_part) fail();
      push_text(part);
      record.add_string();
    } else if (field.kind == Kind::boolean) {
      if (kept->is_part) fail();
      record.add(kept->number != 0);
    } else if (field.kind == Kind::real) {
      if (!kept->is_part || part.size() != sizeof(double)) fail();
      record.add(sproto::load<double>(part.data()));
    } else {
      const std::optional<std::int64_t> number =
          kept->is_part ? sproto::part_integer(part) : kept->number;
      if (!number) fail();
      field.scale != 0 ? record.add(static_cast<double>(*number) / field.scale)
                       : record.add(*number);
    }
  }
  return record.finish();
}

std::size_t Decoder::push_structure(const Type& type, std::string_view bytes, int names) {
  StructReader reader = open(bytes);
  StructReader ahead = reader;
  if (push_record(type, ahead)) {
    levels_.leave();
    return ahead.used();
  }
  lua_createtable(L_, 0, static_cast<int>(std::min(reader.words(), type.fields.size())));
  return fill(type, reader, true, names);
}

std::size_t Decoder::fill(const Type& type, StructReader& reader, bool made, int names) {
  StructReader::Value value;
  std::size_t from = 0;
  Step step;
  while ((step = reader.next(&value)) == Step::value) {
    const Field* field = type.find(value.tag, &from);
    if (field == nullptr) continue;
    push_name(L_, *field, from, names_, names);
    push_value(*field, value);
    made ? stock_lua_rawset(L_, -3) : lua_settable(L_, -3);
  }
  if (step == Step::broken) fail();
  levels_.leave();
  return reader.used();
}

}  // namespace

std::size_t decode(lua_State* L, const Type& type, int names, std::string_view bytes, Table table) {
  Decoder decoder(L, names);
  const std::size_t used =
      table == Table::fresh ? decoder.push_structure(type, bytes) : decoder.fill_top(type, bytes);
  decoder.learn();
  return used;
}

}  // namespace runtime::RUNTIME_ENGINE
