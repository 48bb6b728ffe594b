// require "bson": BSON documents, as MongoDB reads and writes them.
//
//   document = bson.encode(table), bson.encode_order(key, value, ...)     tostring(), #, :decode()
//   table = bson.decode(document), (text), (pointer [, size])
//   document:makeindex(); document.key = value                            replaces in place
//   bson.objectid([hex]), .date(seconds), .null, ...                      bson_special.h
#include "bson_decode.h"
#include "bson_encode.h"
#include "bson_special.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using bson::Type;

Document& check_document(lua_State* L, int index) {
  Document* document = to_document(L, index);
  if (document == nullptr) luaL_checkudata(L, index, Document::kLuaType);  // raises, says what came
  return *document;
}

// The bytes that the argument of decode stands for; null data when it is nil.
std::string_view check_source(lua_State* L) {
  switch (lua_type(L, 1)) {
    case LUA_TNONE:
    case LUA_TNIL: return {};
    case LUA_TSTRING: return check_string(L, 1);
    case LUA_TLIGHTUSERDATA: {
      const void* address = lua_touserdata(L, 1);
      luaL_argcheck(L, address != nullptr, 1, "a null pointer");
      if (lua_type(L, 2) != LUA_TNUMBER) return bson::document_at(address);
      const std::int64_t size = check_int64(L, 2);
      luaL_argcheck(L, size >= 0, 2, "a negative size");
      return {static_cast<const char*>(address), static_cast<std::size_t>(size)};
    }
    default: return check_document(L, 1).view();
  }
}

int l_decode(lua_State* L) {
  const std::string_view bytes = check_source(L);
  if (bytes.data() == nullptr) return 0;
  push_decoded(L, bytes);
  return 1;
}

int l_to_lightuserdata(lua_State* L) {
  lua_pushlightuserdata(L, check_document(L, 1).bytes());
  return 1;
}

int l_makeindex(lua_State* L) {
  check_document(L, 1).replaceable = true;
  lua_settop(L, 1);
  return 1;
}

int l_tostring(lua_State* L) {
  const std::string_view bytes = check_document(L, 1).view();
  lua_pushlstring(L, bytes.data(), bytes.size());
  return 1;
}

int l_len(lua_State* L) {
  lua_pushinteger(L, check_document(L, 1).size);
  return 1;
}

std::int32_t check_int32(lua_State* L, int index) {
  luaL_checknumber(L, index);
  std::int64_t value;
  if (!to_int64(L, index, &value) || value != static_cast<std::int32_t>(value)) {
    luaL_error(L, "%s must be a 32bit integer", lua_tostring(L, index));
  }
  return static_cast<std::int32_t>(value);
}

// A special string of kind `type` at `index`.
Special check_special_of(lua_State* L, int index, Type type) {
  const std::string_view text =
      lua_type(L, index) == LUA_TSTRING ? check_string(L, index) : std::string_view();
  if (!is_special(text) || static_cast<Type>(text[1]) != type) {
    luaL_error(L, "Type mismatch, need bson type %d", static_cast<int>(type));
  }
  return check_special(L, text);
}

std::int64_t check_long(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) return check_int64(L, index);
  const Special special = check_special_of(L, index, Type::int64);
  return bson::number_at<std::int64_t>(special.value.data());
}

template <class Number>
void put(char* to, Number number) {
  std::memcpy(to, &number, sizeof number);
}

// document[key] = value: over the value that is there.
int l_replace(lua_State* L) {
  Document& document = check_document(L, 1);
  const std::string_view key = check_string(L, 2);
  if (!document.replaceable) return luaL_error(L, "call makeindex first");
  bson::Reader reader(document.view());
  bson::Element element;
  bool found = false;
  while (!found && reader.next(&element)) found = element.key == key;
  if (!found) return luaL_error(L, "Can't replace key : %s", key.data());
  char* const to = document.bytes() + (element.value.data() - document.bytes());
  switch (element.type) {
    case Type::real: put<double>(to, luaL_checknumber(L, 3)); break;
    case Type::boolean: *to = static_cast<char>(lua_toboolean(L, 3) ? 1 : 0); break;
    case Type::int32: put(to, check_int32(L, 3)); break;
    case Type::int64: put(to, check_long(L, 3)); break;
    case Type::date: put(to, date_ms(check_special_of(L, 3, Type::date))); break;
    case Type::object_id:
    case Type::timestamp: {
      const std::string_view value = check_special_of(L, 3, element.type).value;
      std::memcpy(to, value.data(), value.size());
      break;
    }
    default: return luaL_error(L, "Can't replace key : %s", key.data());
  }
  return 0;
}

// Pushes the metatable of documents, which must be the first upvalue of its own functions.
void push_metatable(lua_State* L) {
  static constexpr luaL_Reg kMeta[] = {
      {"__tostring", l_tostring}, {"__len", l_len}, {"__newindex", l_replace}, {nullptr, nullptr}};
  luaL_newmetatable(L, Document::kLuaType);
  lua_pushvalue(L, -1);
  luaL_setfuncs(L, kMeta, 1);
}

}  // namespace

int open_bson(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {{"to_lightuserdata", l_to_lightuserdata},
                                            {nullptr, nullptr}};
  push_metatable(L);
  const int metatable = lua_gettop(L);
  push_bson_function<DecodedKeys>(L, l_decode, metatable);
  const int decode = lua_gettop(L);

  lua_createtable(L, 0, 2);
  lua_pushvalue(L, decode);
  lua_setfield(L, -2, "decode");
  lua_pushvalue(L, metatable);
  lua_pushcclosure(L, l_makeindex, 1);
  lua_setfield(L, -2, "makeindex");
  lua_setfield(L, metatable, "__index");

  lua_createtable(L, 0, 16);
  lua_pushvalue(L, metatable);
  luaL_setfuncs(L, kFunctions, 1);
  lua_pushvalue(L, decode);
  lua_setfield(L, -2, "decode");
  push_bson_function<EncodedKeys>(L, l_encode, metatable);
  lua_setfield(L, -2, "encode");
  push_bson_function<EncodedKeys>(L, l_encode_order, metatable);
  lua_setfield(L, -2, "encode_order");
  add_special_functions(L);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
