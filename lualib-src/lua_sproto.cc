// sproto.core: schemas, their types and protocols, and the 0-packing. lualib/sproto.lua is its face; skynet's own runs
// on it as well.
//
//   schema = newproto(bundle)                  nothing when the bundle is damaged
//   deleteproto(schema)
//   type = querytype(schema, name)             nil when there is none
//   tag or name, request, response = protocol(schema, name or tag)
//   bytes = encode(type, table)
//   table, used = decode(type, bytes or pointer, size [, table])
//   bytes = pack(bytes or pointer, size)
//   bytes = unpack(bytes or pointer, size)
//   table = default(type)
//   saveproto(schema, slot)   schema = loadproto(slot)
//   dumpproto(schema)
#include "lua_sproto.h"

#include <climits>
#include <cstdio>
#include <optional>
#include <string>

#include "scratch.h"
#include "sproto/slots.h"
#include "sproto/zero_pack.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using sproto::Field;
using sproto::Kind;
using sproto::Protocol;
using sproto::Schema;
using sproto::SchemaRef;
using sproto::Type;

SchemaRef& check_schema(lua_State* L, int index) {
  luaL_argcheck(L, lua_type(L, index) == LUA_TUSERDATA, index, "Need a sproto object");
  SchemaRef& schema = self<LuaSchema>(L, index).schema;
  luaL_argcheck(L, schema != nullptr, index, "Need a sproto object, and this one was deleted");
  return schema;
}

int check_slot(lua_State* L, int index) {
  const lua_Integer slot = luaL_checkinteger(L, index);
  if (slot < 0 || slot >= sproto::kSlots)
    luaL_error(L, "Invalid global slot index %d", static_cast<int>(slot));
  return static_cast<int>(slot);
}

// Gives the object on the top of the stack its schema, and the names of its fields.
void finish_schema(lua_State* L, LuaSchema& object) {
  const auto& names = object.schema->names();
  lua_createtable(L, static_cast<int>(names.size()), 0);
  for (std::size_t i = 0; i < names.size(); ++i) {
    lua_pushlstring(L, names[i].data(), names[i].size());
    lua_rawseti(L, -2, static_cast<int>(i) + 1);
  }
  set_own_table(L, -2);
}

// Pushes `type` of the schema at `index`.
void push_type(lua_State* L, int index, const Type& type) {
  push_own_table(L, index);
  LuaType& object = push_object_by_name<LuaType>(L);
  object.schema = self<LuaSchema>(L, index).schema;
  object.type = &type;
  lua_insert(L, -2);
  set_own_table(L, -2);
}

int l_newproto(lua_State* L) {
  const std::string_view bundle = check_string(L, 1);
  LuaSchema& object = push_object<LuaSchema>(L);
  object.schema = Schema::load(bundle);
  if (object.schema == nullptr) return 0;
  finish_schema(L, object);
  return 1;
}

int l_deleteproto(lua_State* L) {
  check_schema(L, 1).reset();
  return 0;
}

int l_saveproto(lua_State* L) {
  const SchemaRef& schema = check_schema(L, 1);
  // Before there is a copy of the reference, which an error would leave behind.
  const int slot = check_slot(L, 2);
  sproto::save(slot, schema);
  return 0;
}

int l_loadproto(lua_State* L) {
  const int slot = check_slot(L, 1);
  LuaSchema& object = push_object<LuaSchema>(L);
  object.schema = sproto::saved(slot);
  if (object.schema == nullptr) return luaL_error(L, "nil sproto at index %d", slot);
  finish_schema(L, object);
  return 1;
}

int l_querytype(lua_State* L) {
  const SchemaRef& schema = check_schema(L, 1);
  const Type* type = schema->type(check_string(L, 2));
  if (type == nullptr) return 0;
  push_type(L, 1, *type);
  return 1;
}

const Protocol* find_protocol(lua_State* L, const Schema& schema) {
  if (lua_type(L, 2) == LUA_TSTRING) return schema.protocol(check_string(L, 2));
  if (lua_type(L, 2) != LUA_TNUMBER) luaL_argerror(L, 2, "Should be number or string");
  const lua_Integer tag = lua_tointeger(L, 2);
  return tag >= 0 && tag <= INT_MAX ? schema.protocol(static_cast<int>(tag)) : nullptr;
}

// nil where the protocol has no such part; for an answer without content, a null pointer.
int l_protocol(lua_State* L) {
  const SchemaRef& schema = check_schema(L, 1);
  const Protocol* protocol = find_protocol(L, *schema);
  if (protocol == nullptr) return 0;
  if (lua_type(L, 2) == LUA_TNUMBER) {
    lua_pushlstring(L, protocol->name.data(), protocol->name.size());
  } else {
    lua_pushinteger(L, protocol->tag);
  }
  if (protocol->request != nullptr) {
    push_type(L, 1, *protocol->request);
  } else {
    lua_pushnil(L);
  }
  if (protocol->response != nullptr) {
    push_type(L, 1, *protocol->response);
  } else if (protocol->confirm) {
    lua_pushlightuserdata(L, nullptr);
  } else {
    lua_pushnil(L);
  }
  return 3;
}

// Whether protocol() has given this for a part that is not there, or has no content.
bool is_no_type(lua_State* L, int index) {
  return lua_isnoneornil(L, index) ||
         (lua_islightuserdata(L, index) && lua_touserdata(L, index) == nullptr);
}

// ---- defaults ------------------------------------------------------------------------------------

void push_text(lua_State* L, const std::string& text) {
  lua_pushlstring(L, text.data(), text.size());
}

void push_simple_default(lua_State* L, const Field& field) {
  switch (field.kind) {
    case Kind::integer:
      if (field.scale == 0) return lua_pushinteger(L, 0);
      return lua_pushnumber(L, 0.0);
    case Kind::boolean: return lua_pushboolean(L, 0);
    case Kind::string: return lua_pushliteral(L, ""), void();
    case Kind::real: return lua_pushnumber(L, 0.0);
    case Kind::structure: return push_text(L, field.type->name);
  }
}

// { FIELD = 0 | 0.0 | false | "" | { __type = NAME } | { __array = DEFAULT or NAME } }
int l_default(lua_State* L) {
  if (is_no_type(L, 1)) return 0;
  const Type& type = *self<LuaType>(L, 1).type;
  lua_createtable(L, 0, static_cast<int>(type.fields.size()));
  for (const Field& field : type.fields) {
    push_text(L, field.name);
    if (field.array || field.kind == Kind::structure) {
      lua_createtable(L, 0, 1);
      push_simple_default(L, field);
      lua_setfield(L, -2, field.array ? "__array" : "__type");
    } else {
      push_simple_default(L, field);
    }
    lua_rawset(L, -3);
  }
  return 1;
}

// ---- packing -------------------------------------------------------------------------------------

int l_pack(lua_State* L) {
  int next;
  const std::string_view bytes = check_bytes(L, 1, &next);
  Scratch out(L);
  out.add(sproto::zero_pack(bytes, out.prepare(sproto::max_packed(bytes.size()))));
  out.push();
  return 1;
}

int l_unpack(lua_State* L) {
  int next;
  const std::string_view bytes = check_bytes(L, 1, &next);
  const std::optional<std::size_t> size = sproto::unpacked_size(bytes);
  if (!size) return luaL_error(L, "Invalid unpack stream");
  Scratch out(L);
  sproto::zero_unpack(bytes, out.prepare(*size));
  out.add(*size);
  out.push();
  return 1;
}

// ---- for people ----------------------------------------------------------------------------------

std::string type_text(const Field& field) {
  std::string text = field.array ? "*" : "";
  switch (field.kind) {
    case Kind::integer: text += "integer"; break;
    case Kind::boolean: text += "boolean"; break;
    case Kind::string: text += field.binary ? "binary" : "string"; break;
    case Kind::real: text += "double"; break;
    case Kind::structure: text += field.type->name; break;
  }
  if (field.scale != 0)
    text += "(fixed point, times " + std::to_string(static_cast<long long>(field.scale)) + ")";
  if (field.map) {
    text += "()";
  } else if (field.key >= 0) {
    text += "(" + field.type->find(field.key)->name + ")";
  }
  return text;
}

void dump(const Schema& schema) noexcept {
  std::printf("=== %zu types ===\n", schema.types().size());
  for (const Type& type : schema.types()) {
    std::printf("%s\n", type.name.c_str());
    for (const Field& field : type.fields)
      std::printf("\t%s (%d) %s\n", field.name.c_str(), field.tag, type_text(field).c_str());
  }
  std::printf("=== %zu protocol ===\n", schema.protocols().size());
  for (const Protocol& protocol : schema.protocols()) {
    const char* response = protocol.confirm ? "nil" : "(none)";
    if (protocol.response != nullptr) response = protocol.response->name.c_str();
    std::printf("%s (%d) request:%s response:%s\n", protocol.name.c_str(), protocol.tag,
                protocol.request != nullptr ? protocol.request->name.c_str() : "(none)", response);
  }
  std::fflush(stdout);
}

int l_dumpproto(lua_State* L) {
  dump(*check_schema(L, 1));
  return 0;
}

}  // namespace

std::string_view check_bytes(lua_State* L, int index, int* next) {
  if (lua_type(L, index) == LUA_TSTRING) {
    *next = index + 1;
    return check_string(L, index);
  }
  if (!lua_isuserdata(L, index)) luaL_argerror(L, index, "Need a string or userdata");
  const lua_Integer size = luaL_checkinteger(L, index + 1);
  luaL_argcheck(L, size >= 0, index + 1, "a negative size");
  *next = index + 2;
  if (size == 0) return {};
  const char* bytes = static_cast<const char*>(lua_touserdata(L, index));
  luaL_argcheck(L, bytes != nullptr, index, "a null pointer");
  luaL_argcheck(L, userdata_has(L, index, size), index + 1, "the userdata is smaller");
  return {bytes, static_cast<std::size_t>(size)};
}

int push_names(lua_State* L, const Type& type, int names) {
  if (type.fields.size() > Levels::kNames) return 0;
  for (const Field& field : type.fields) stock_lua_rawgeti(L, names, field.name_index + 1);
  return lua_gettop(L) + 1 - static_cast<int>(type.fields.size());
}

int l_sproto_encode(lua_State* L) {
  if (lua_isnoneornil(L, 1) || (lua_islightuserdata(L, 1) && lua_touserdata(L, 1) == nullptr)) {
    if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TNIL);
    lua_pushliteral(L, "");
    return 1;
  }
  const Type& type = *self<LuaType>(L, 1).type;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  push_own_table(L, 1);
  push_encoded(L, type, 3, 2);
  return 1;
}

int l_sproto_decode(lua_State* L) {
  if (is_no_type(L, 1)) return 0;
  const Type& type = *self<LuaType>(L, 1).type;
  int next;
  const std::string_view bytes = check_bytes(L, 2, &next);
  // As in skynet the table is the last argument: a string, too, may have its size, or nil, behind it.
  if (lua_gettop(L) > next && lua_istable(L, -1)) lua_replace(L, next);
  lua_settop(L, next);
  push_own_table(L, 1);
  const bool given = lua_istable(L, next);
  if (given) lua_pushvalue(L, next);
  const std::size_t used = decode(L, type, next + 1, bytes, given ? Table::on_top : Table::fresh);
  lua_pushinteger(L, static_cast<lua_Integer>(used));
  return 2;
}

int open_sproto(lua_State* L) {
  static constexpr luaL_Reg kNoMethods[] = {{nullptr, nullptr}};
  static constexpr luaL_Reg kSchemaFunctions[] = {
      {"newproto", l_newproto},   {"deleteproto", l_deleteproto},
      {"saveproto", l_saveproto}, {"loadproto", l_loadproto},
      {"querytype", l_querytype}, {"protocol", l_protocol},
      {"dumpproto", l_dumpproto}, {nullptr, nullptr},
  };
  static constexpr luaL_Reg kTypeFunctions[] = {{"encode", l_sproto_encode},
                                                {"decode", l_sproto_decode},
                                                {"default", l_default},
                                                {nullptr, nullptr}};
  static constexpr luaL_Reg kFunctions[] = {
      {"pack", l_pack}, {"unpack", l_unpack}, {nullptr, nullptr}};
  define_type<LuaSchema>(L, kNoMethods);
  define_type<LuaType>(L, kNoMethods);
  lua_newtable(L);
  set_functions<LuaSchema>(L, kSchemaFunctions);
  set_functions<LuaType>(L, kTypeFunctions);
  luaL_setfuncs(L, kFunctions, 0);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
