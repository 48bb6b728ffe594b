#include "bson_decode.h"

#include <charconv>
#include <cstdlib>
#include <limits>

#include "base/short_bytes.h"
#include "bson_special.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using bson::Element;
using bson::Type;

struct Decoder {
  lua_State* L;
  KeyCache* cache;
  int strings;  // the stack index of its strings
};

void push_key(Decoder& d, std::string_view key) {
  lua_State* L = d.L;
  if (key.empty() || key.size() > KeyCache::kLongest) {
    lua_pushlstring(L, key.data(), key.size());
    return;
  }
  const auto first = static_cast<unsigned char>(key.front());
  const auto middle = static_cast<unsigned char>(key[key.size() / 2]);
  const auto last = static_cast<unsigned char>(key.back());
  const auto size = static_cast<unsigned>(key.size());
  const unsigned slot = (first * 31 + middle * 7 + last * 17 + size * 61) % KeyCache::kSlots;
  KeyCache::Key& cached = d.cache->keys[slot];
  if (cached.size == key.size() && same_short(cached.text, key.data(), key.size())) {
    lua_rawgeti(L, d.strings, static_cast<int>(slot + 1));
    return;
  }
  lua_pushlstring(L, key.data(), key.size());  // may run a finalizer, and that may decode
  lua_pushvalue(L, -1);
  lua_rawseti(L, d.strings, static_cast<int>(slot + 1));
  cached.text = lua_tolstring(L, -1, &cached.size);
}

inline void push_integer(lua_State* L, std::int64_t value) {
#ifdef RUNTIME_LUAJIT
  push_int64(L, value);
#else
  lua_pushinteger(L, value);
#endif
}

void push_table(Decoder& d, Type type, std::string_view bytes, int depth);

void push_value(Decoder& d, const Element& element, int depth) {
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
lua_Integer array_index(std::string_view key, lua_Integer position) {
  if (key.size() == 1 && key[0] - '0' == position - 1) return position;
  lua_Integer index;
  const char* const end = key.data() + key.size();
  const auto [stop, fault] = std::from_chars(key.data(), end, index);
  const bool whole = fault == std::errc() && stop == end;
  return whole && index >= 0 && index < std::numeric_limits<int>::max() ? index + 1 : position;
}

void check_error(lua_State* L, const bson::Reader& reader) {
  if (reader.error().fault != bson::Fault::none) raise_bson_error(L, reader.error());
}

void push_table(Decoder& d, Type type, std::string_view bytes, int depth) {
  lua_State* L = d.L;
  if (depth > kMaxDecodeDepth) raise_bson_error(L, {bson::Fault::depth, 0, kMaxDecodeDepth});
  luaL_checkstack(L, LUA_MINSTACK, "bson");
  // A table should be made as large as it becomes. Most are small: their elements are read once, and
  // kept until the table is there. Of a larger one the rest is read twice.
  constexpr int kAtOnce = 8;
  Element elements[kAtOnce];
  int first = 0;
  bson::Reader reader(bytes);
  while (first < kAtOnce && reader.next(&elements[first])) ++first;
  check_error(L, reader);
  int count = first;
  Element element;
  if (first == kAtOnce) {
    bson::Reader rest = reader;
    while (rest.next(&element)) ++count;
    check_error(L, rest);
  }
  if (type == Type::array) {
    lua_createtable(L, count, 0);
    const auto put = [&](const Element& e, lua_Integer position) {
      push_value(d, e, depth);
      lua_rawseti(L, -2, static_cast<int>(array_index(e.key, position)));
    };
    for (int i = 0; i < first; ++i) put(elements[i], i + 1);
    for (lua_Integer position = first + 1; reader.next(&element); ++position)
      put(element, position);
  } else {
    lua_createtable(L, 0, count);
    const auto put = [&](const Element& e) {
      push_key(d, e.key);
      push_value(d, e, depth);
      lua_rawset(L, -3);
    };
    for (int i = 0; i < first; ++i) put(elements[i]);
    while (reader.next(&element)) put(element);
  }
}

}  // namespace

void push_key_cache(lua_State* L) {
  lua_createtable(L, KeyCache::kSlots, 0);
  for (unsigned slot = 1; slot <= KeyCache::kSlots; ++slot) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, static_cast<int>(slot));
  }
  std::memset(lua_newuserdatauv(L, sizeof(KeyCache), 0), 0, sizeof(KeyCache));
}

void push_decoded(lua_State* L, std::string_view bytes) {
  lua_pushvalue(L, lua_upvalueindex(2));
  Decoder decoder{L, static_cast<KeyCache*>(lua_touserdata(L, lua_upvalueindex(3))), lua_gettop(L)};
  push_table(decoder, Type::document, bytes, 1);
}

void raise_bson_error(lua_State* L, const bson::Error& error) {
  char text[bson::kErrorText];
  bson::describe(error, text);
  luaL_error(L, "%s", text);
  std::abort();  // luaL_error does not return, which its declaration hides
}

}  // namespace runtime::RUNTIME_ENGINE
