#include "bson_special.h"

#include "bson/object_id.h"
#include "scratch.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using bson::Type;

constexpr std::size_t kHead = 2;  // the zero byte and the code

// Pushes a special string whose data are at most 16 bytes.
template <class... Numbers>
void push_small(lua_State* L, Type type, Numbers... numbers) {
  char text[kHead + 16] = {'\0', static_cast<char>(type)};
  std::size_t size = kHead;
  ((std::memcpy(text + size, &numbers, sizeof numbers), size += sizeof numbers), ...);
  lua_pushlstring(L, text, size);
}

void push_date(lua_State* L, std::int64_t ms) {
  const std::int64_t seconds = ms / 1000;
  if (ms >= 0 && seconds <= UINT32_MAX) {
    push_small(L, Type::date, static_cast<std::uint32_t>(seconds));
  } else {
    push_small(L, Type::date, ms);
  }
}

struct Kind {
  Type type;
  const char* name;   // what bson.type says
  const char* error;  // behind "Invalid "
};
constexpr Kind kKinds[] = {
    {Type::binary, "binary", "binary"},
    {Type::object_id, "objectid", "object id"},
    {Type::date, "date", "date"},
    {Type::null, "nil", "null"},
    {Type::regex, "regex", "regex"},
    {Type::db_pointer, "unsupported", "dbpointer"},
    {Type::code, "unsupported", "code"},
    {Type::symbol, "unsupported", "symbol"},
    {Type::code_with_scope, "unsupported", "code with scope"},
    {Type::timestamp, "timestamp", "timestamp"},
    {Type::int64, "int64", "int64"},
    {Type::decimal128, "unsupported", "decimal128"},
    {Type::min_key, "minkey", "minkey"},
    {Type::max_key, "maxkey", "maxkey"},
};

const Kind* find_kind(std::string_view text) {
  const Type type = static_cast<Type>(text[1]);
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return &kind;
  }
  return nullptr;
}

bool right_size(Type type, std::string_view data) {
  switch (type) {
    case Type::binary: return !data.empty();
    case Type::date: return data.size() == 4 || data.size() == 8;
    default: break;
  }
  bson::Error error;
  return bson::measure(type, data, &error) == data.size() && error.fault == bson::Fault::none;
}

int l_objectid(lua_State* L) {
  char id[bson::kObjectIdBytes];
  if (lua_isnoneornil(L, 1)) {
    bson::make_object_id(id);
  } else {
    const std::string_view hex = check_string(L, 1);
    if (!bson::parse_object_id(hex, id)) {
      return luaL_error(L, "Invalid objectid %s", hex.data());
    }
  }
  push_special(L, {Type::object_id, {}, {id, sizeof id}});
  return 1;
}

int l_date(lua_State* L) {
  const std::int64_t seconds = check_int64(L, 1);
  luaL_argcheck(L, seconds >= INT64_MIN / 1000 && seconds <= INT64_MAX / 1000, 1,
                "a date beyond what 64 bits of milliseconds hold");
  push_date(L, seconds * 1000);
  return 1;
}

std::uint32_t check_uint32(lua_State* L, int index) {
  const std::int64_t value = check_int64(L, index);
  luaL_argcheck(L, value >= INT32_MIN && value <= UINT32_MAX, index, "32 bits expected");
  return static_cast<std::uint32_t>(value);
}

int l_timestamp(lua_State* L) {
  const std::uint32_t seconds = check_uint32(L, 1);
  push_small(L, Type::timestamp, lua_isnoneornil(L, 2) ? 0 : check_uint32(L, 2), seconds);
  return 1;
}

int l_int64(lua_State* L) {
  push_small(L, Type::int64, check_int64(L, 1));
  return 1;
}

int l_regex(lua_State* L) {
  const std::string_view pattern = check_string(L, 1);
  const std::string_view options = lua_isnoneornil(L, 2) ? std::string_view() : check_string(L, 2);
  luaL_argcheck(L, pattern.find('\0') == std::string_view::npos, 1, "a zero byte in the pattern");
  luaL_argcheck(L, options.find('\0') == std::string_view::npos, 2, "a zero byte in the options");
  Scratch text(L);
  text.append({"\0\x0b", kHead});
  text.append(pattern);
  text.append({"\0", 1});
  text.append(options);
  text.append({"\0", 1});
  text.push();
  return 1;
}

int l_binary(lua_State* L) {
  const std::string_view bytes = check_string(L, 1);
  Scratch text(L);
  text.append({"\0\5\0", kHead + 1});
  text.append(bytes);
  text.push();
  return 1;
}

// "name", values... of a special string.
int push_type(lua_State* L, std::string_view text) {
  const Special special = check_special(L, text);
  const std::string_view data = special.value;
  const bson::Element element{special.type, {}, data};
  lua_pushstring(L, find_kind(text)->name);
  switch (special.type) {
    case Type::null:
    case Type::min_key:
    case Type::max_key: return 1;
    case Type::object_id: {
      char hex[2 * bson::kObjectIdBytes];
      bson::format_object_id(data.data(), hex);
      lua_pushlstring(L, hex, sizeof hex);
      return 2;
    }
    case Type::date: {
      const std::int64_t ms = date_ms(special);
      push_int64(L, ms / 1000 - (ms % 1000 < 0 ? 1 : 0));
      return 2;
    }
    case Type::timestamp:
      push_int64(L, bson::number_at<std::uint32_t>(data.data() + 4));
      push_int64(L, bson::number_at<std::uint32_t>(data.data()));
      return 3;
    case Type::int64: push_int64(L, bson::number_of<std::int64_t>(element)); return 2;
    case Type::regex: {
      const bson::Regex regex = bson::regex_of(element);
      lua_pushlstring(L, regex.pattern.data(), regex.pattern.size());
      lua_pushlstring(L, regex.options.data(), regex.options.size());
      return 3;
    }
    case Type::binary:
      lua_pushlstring(L, data.data() + 1, data.size() - 1);
      lua_pushinteger(L, static_cast<unsigned char>(data[0]));
      return 3;
    default: lua_pushlstring(L, data.data(), data.size()); return 2;
  }
}

int l_type(lua_State* L) {
  const int type = lua_type(L, 1);
  lua_settop(L, 1);
  switch (type) {
    case LUA_TNONE:
    case LUA_TNIL: lua_pushliteral(L, "nil"); return 1;
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TTABLE: lua_pushstring(L, lua_typename(L, type)); break;
    case LUA_TSTRING: {
      const std::string_view text = check_string(L, 1);
      if (is_special(text)) return push_type(L, text);
      lua_pushliteral(L, "string");
      break;
    }
    default: {
      std::int64_t value;
      if (!to_int64(L, 1, &value)) {
        return luaL_error(L, "Invalid type %s", lua_typename(L, type));
      }
      lua_pushliteral(L, "number");
    }
  }
  lua_insert(L, 1);
  return 2;
}

}  // namespace

void push_special(lua_State* L, const bson::Element& element) {
  switch (element.type) {
    case Type::date: return push_date(L, bson::number_of<std::int64_t>(element));
    case Type::binary: {
      const bson::Binary binary = bson::binary_of(element);
      Scratch text(L);
      const char head[] = {'\0', static_cast<char>(Type::binary),
                           static_cast<char>(binary.subtype)};
      text.append({head, sizeof head});
      text.append(binary.bytes);
      text.push();
      return lua_replace(L, -2);
    }
    default: break;
  }
  if (element.value.size() <= 16) {
    char text[kHead + 16] = {'\0', static_cast<char>(element.type)};
    if (!element.value.empty())
      std::memcpy(text + kHead, element.value.data(), element.value.size());
    lua_pushlstring(L, text, kHead + element.value.size());
    return;
  }
  Scratch text(L);
  const char head[] = {'\0', static_cast<char>(element.type)};
  text.append({head, sizeof head});
  text.append(element.value);
  text.push();
  lua_replace(L, -2);
}

Special check_special(lua_State* L, std::string_view text) {
  const Kind* kind = find_kind(text);
  if (kind == nullptr) {
    luaL_error(L, "Invalid subtype %d", static_cast<unsigned char>(text[1]));
    return {};
  }
  const std::string_view data = text.substr(kHead);
  if (!right_size(kind->type, data)) luaL_error(L, "Invalid %s", kind->error);
  return {kind->type, data};
}

std::int64_t date_ms(const Special& date) {
  if (date.value.size() == 8) return bson::number_at<std::int64_t>(date.value.data());
  return std::int64_t{bson::number_at<std::uint32_t>(date.value.data())} * 1000;
}

void write_special(bson::Writer* writer, std::string_view key, const Special& special) {
  switch (special.type) {
    case Type::date: writer->date(key, date_ms(special)); break;
    case Type::binary:
      writer->binary(key, static_cast<std::uint8_t>(special.value[0]), special.value.substr(1));
      break;
    default: writer->raw(special.type, key, special.value);
  }
}

void add_special_functions(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"objectid", l_objectid}, {"date", l_date},   {"timestamp", l_timestamp},
      {"int64", l_int64},       {"regex", l_regex}, {"binary", l_binary},
      {"type", l_type},         {nullptr, nullptr},
  };
  luaL_setfuncs(L, kFunctions, 0);
  push_small(L, Type::null);
  lua_setfield(L, -2, "null");
  push_small(L, Type::min_key);
  lua_setfield(L, -2, "minkey");
  push_small(L, Type::max_key);
  lua_setfield(L, -2, "maxkey");
}

}  // namespace runtime::RUNTIME_ENGINE
