#include "bson_decode.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "base/short_bytes.h"
#include "bson/writer.h"
#include "bson_special.h"
#include "lua/record_shapes.h"
#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using bson::Element;
using bson::Type;

struct Decoder {
  lua_State* L;
  DecodedKeys* keys;
  int base;  // the stack's top at the beginning
  ShapeFinder shapes;
  int deepest = 0;  // document for which there was room on the stack
};

// What a level has on the stack at most: all values of a record; or a table, a key, a value, and what a special one needs.
constexpr int kSlotsPerLevel = 3 + kRecordKeys;

[[gnu::always_inline]] inline void push_key(Decoder& d, std::string_view key) {
  lua_State* L = d.L;
  if (key.size() - 1 >= DecodedKeys::kLongest) {
    lua_pushlstring(L, key.data(), key.size());
    return;
  }
  DecodedKeys::Key parts{0, 0, key.size()};
  const char* const end = key.data() + key.size();
  if (key.size() >= 8) {
    parts.first = load_word<std::uint64_t>(key.data());
    parts.last = load_word<std::uint64_t>(end - 8);
  } else if (key.size() >= 4) {
    parts.first = load_word<std::uint32_t>(key.data());
    parts.last = load_word<std::uint32_t>(end - 4);
  } else {
    parts.first = static_cast<unsigned char>(key.front()) |
                  static_cast<unsigned>(static_cast<unsigned char>(key[key.size() / 2])) << 8;
    parts.last = static_cast<unsigned char>(end[-1]);
  }
  const std::uint64_t mixed =
      (parts.first * 31 + parts.last + parts.size) * 0x9e3779b97f4a7c15;  // 2^64 / the golden ratio
  const int slot = static_cast<int>(mixed >> 57);
  static_assert(kKeySlots == 1 << (64 - 57));
  DecodedKeys::Key& known = d.keys->keys[slot];
  if (known.first == parts.first && known.last == parts.last && known.size == parts.size)
      [[likely]] {
    lua_pushvalue(L, key_upvalue(slot));
    return;
  }
  lua_pushlstring(L, key.data(), key.size());  // may run a finalizer, and that may decode
  lua_copy(L, -1, key_upvalue(slot));
  known = parts;
}

inline void push_integer(lua_State* L, std::int64_t value) {
#ifdef RUNTIME_LUAJIT
  push_int64(L, value);
#else
  lua_pushinteger(L, value);
#endif
}

void push_table(Decoder& d, Type type, std::string_view bytes, int depth);

[[gnu::always_inline]] inline void push_value(Decoder& d, const Element& element, int depth) {
  lua_State* L = d.L;
  switch (element.type) {
    case Type::real: lua_pushnumber(L, bson::number_of<double>(element)); break;
    case Type::int32: lua_pushinteger(L, bson::number_of<std::int32_t>(element)); break;
    case Type::int64: push_integer(L, bson::number_of<std::int64_t>(element)); break;
    case Type::boolean: lua_pushboolean(L, bson::boolean_of(element)); break;
    case Type::string: {
      const std::string_view text = bson::text_of(element);
      lua_pushlstring(L, text.data(), text.size());
      break;
    }
    case Type::document:
    case Type::array: push_table(d, element.type, element.value, depth + 1); break;
    default: push_special(L, element);
  }
}

// The index that the key of an array's element stands for: one more than the number it is. A key that
// is no number, as some programs write them, counts by its `position`.
int array_index(std::string_view key, int position) {
  int index;
  const char* const end = key.data() + key.size();
  const auto [stop, fault] = std::from_chars(key.data(), end, index);
  const bool whole = fault == std::errc() && stop == end;
  return whole && index >= 0 && index < std::numeric_limits<int>::max() ? index + 1 : position;
}

void check_error(lua_State* L, const bson::Reader& reader) {
  if (reader.error().fault != bson::Fault::none) [[unlikely]]
    raise_bson_error(L, reader.error());
}

// An element in fewer bytes, which nobody sets to zero before they are filled.
struct KeptValue {
  const char* at;
  std::uint32_t bytes;
  Type type;

  void keep(const Element& element) {
    at = element.value.data();
    bytes = static_cast<std::uint32_t>(element.value.size());
    type = element.type;
  }
  std::string_view view() const { return {at, bytes}; }
};

struct Kept {
  KeptValue value;
  RecordKey key;

  void keep(const Element& element) {
    value.keep(element);
    key = {element.key.data(), element.key.size()};
  }
  Element element() const { return {value.type, {key.text, key.size}, value.view()}; }
};

// One that is known to be there.
Element next(bson::Reader& reader) {
  Element element{};
  reader.next(&element);
  return element;
}

[[gnu::noinline]] int count_rest(lua_State* L, bson::Reader rest) {
  int count = 0;
  for (Element element{}; rest.next(&element);) ++count;
  check_error(L, rest);
  return count;
}

[[gnu::noinline]] void enter_level(Decoder& d, int depth) {
  if (depth > kMaxDecodeDepth) raise_bson_error(d.L, {bson::Fault::depth, 0, kMaxDecodeDepth});
  luaL_checkstack(d.L, d.base + kSlotsPerLevel * depth + LUA_MINSTACK - lua_gettop(d.L), "bson");
  d.deepest = depth;
}

// Whether a record may have the value.
inline bool fits_record(Type type, const char* value) {
  switch (type) {
    case Type::real:
    case Type::int32:
    case Type::boolean:
    case Type::string:
    case Type::document:
    case Type::array: return true;
    case Type::int64: {
#ifdef RUNTIME_LUAJIT
      const auto number = bson::number_at<std::int64_t>(value);
      return number <= std::int64_t{1} << 53 && number >= -(std::int64_t{1} << 53);
#else
      (void)value;
      return true;
#endif
    }
    default: return false;
  }
}

// Pushes the record; false, and nothing pushed, when it cannot be made so.
bool push_record(Decoder& d, const RecordShape& shape, const KeptValue* values, int depth) {
  lua_State* L = d.L;
  Record record(L, shape);
  for (const KeptValue* const end = values + shape.count; values != end; ++values) {
    const char* const at = values->at;
    switch (values->type) {
      case Type::real: record.add(bson::number_at<double>(at)); break;
      case Type::int32: record.add(std::int64_t{bson::number_at<std::int32_t>(at)}); break;
      case Type::int64: record.add(bson::number_at<std::int64_t>(at)); break;
      case Type::boolean: record.add(*at != 0); break;
      case Type::string:
        lua_pushlstring(L, at + 4, values->bytes - 5);
        record.add_string();
        break;
      default: push_table(d, values->type, values->view(), depth + 1); record.add_table();
    }
  }
  return record.finish();
}

// What documents are told apart by that are likely to have other shapes: the beginning of the first key. 0 for the shortest
// documents, which have hardly one.
std::uint64_t kind_of(std::string_view bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  if (bytes.size() < 4 + sizeof kOnes) return 0;
  const auto key = bson::number_at<std::uint64_t>(bytes.data() + 4) >> 8;
  const std::uint64_t zero =
      (key - kOnes) & ~key & (kOnes << 7);  // the lowest bit: in its zero byte
  return key & (zero ^ (zero - 1));
}

// Pushes the document as a record if it has the shape that the last one of its kind had. False, and nothing pushed, for
// any other, and for one in which something is wrong.
bool push_likely_record(Decoder& d, std::string_view bytes, int depth) {
  if (!d.shapes.has_shapes()) return false;
  const RecordShape* const shape = d.shapes.likely(kind_of(bytes));
  if (shape == nullptr) return false;
  KeptValue values[kRecordKeys];
  bson::Reader reader(bytes);
  for (int i = 0; i < shape->count; ++i) {
    const RecordKey& key = shape->keys[i].name;
    Element element;
    if (!reader.take_expected({key.text, key.size}, &element) ||
        !fits_record(element.type, element.value.data()))
      return false;
    values[i].keep(element);
  }
  return reader.at_end() && push_record(d, *shape, values, depth);
}

// The same for one whose elements have been read.
bool push_known_record(Decoder& d, std::string_view bytes, const Kept* elements, int count,
                       int depth) {
  if (!d.shapes.has_shapes() || count == 0) return false;
  RecordKey keys[kRecordKeys];
  KeptValue values[kRecordKeys];
  for (int i = 0; i < count; ++i) {
    values[i] = elements[i].value;
    keys[i] = elements[i].key;
    if (!fits_record(values[i].type, values[i].at)) return false;
  }
  const RecordShape* const shape = d.shapes.find(keys, count);
  if (shape == nullptr) return false;
  d.shapes.likely(kind_of(bytes)) = shape;
  return push_record(d, *shape, values, depth);
}

void push_table(Decoder& d, Type type, std::string_view bytes, int depth) {
  lua_State* L = d.L;
  if (depth > d.deepest) enter_level(d, depth);
  if (type == Type::document && push_likely_record(d, bytes, depth)) return;
  // A table should be made as large as it becomes. Most are small: their elements are read once, and
  // kept until the table is there. Of a larger one the rest is read twice.
  constexpr int kAtOnce = kRecordKeys;
  Kept kept[kAtOnce];
  int first = 0;
  bson::Reader reader(bytes);
  for (Element element{}; first < kAtOnce && reader.take(&element); ++first)
    kept[first].keep(element);
  int count = first;
  if (first == kAtOnce) count += count_rest(L, reader);
  check_error(L, reader);
  // Nobody else knows the table yet, so the engine's own functions will do (lua/shared_api.h).
  if (type == Type::array) {
    lua_createtable(L, count, 0);
    bson::ArrayKey usual;
    for (int i = 0; i < count; ++i) {
      const Element element = i < first ? kept[i].element() : next(reader);
      push_value(d, element, depth);
      const std::string_view key = usual.next();
      const bool in_order = element.key.size() == key.size() &&
                            same_short(element.key.data(), key.data(), key.size());
      lua_rawseti(L, -2, in_order ? i + 1 : array_index(element.key, i + 1));
    }
  } else {
    if (count < kAtOnce && push_known_record(d, bytes, kept, count, depth)) return;
    lua_createtable(L, 0, count);
    for (int i = 0; i < count; ++i) {
      const Element element = i < first ? kept[i].element() : next(reader);
      push_key(d, element.key);
      push_value(d, element, depth);
      stock_lua_rawset(L, -3);
    }
  }
}

}  // namespace

void push_decoded(lua_State* L, std::string_view bytes) {
  Decoder decoder{L, known_keys<DecodedKeys>(L), lua_gettop(L), ShapeFinder(RecordShapes::of(L))};
  push_table(decoder, Type::document, bytes, 1);
  decoder.shapes.learn(L);
}

void raise_bson_error(lua_State* L, const bson::Error& error) {
  char text[bson::kErrorText];
  bson::describe(error, text);
  luaL_error(L, "%s", text);
  std::abort();  // luaL_error does not return, which its declaration hides
}

}  // namespace runtime::RUNTIME_ENGINE
