#include "shared_face.h"

#include "lua/shared_api.h"
#include "shared_table.h"
#include "shared_value.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using share::Key;
using share::Kind;
using share::Table;
using share::Type;
using share::Value;

// Keys of metatables. A face's own metatable has the first only.
const char thin_key = 0;       // the thin metatable; it has itself
const char space_key = 0;      // SharedSpace
const char faces_key = 0;      // weak table, Table -> face
const char functions_key = 0;  // function number + 1 -> function
const char memory_key = 0;     // the metatable of tables that remember values
// A key of those tables: how many values they remember.
const char count_key = 0;

constexpr std::uint32_t kReadsPerPromotion = 16;
constexpr int kRemembered = 256;

// The upvalues of __index functions.
constexpr int kFacesUpvalue = 1;
constexpr int kThinUpvalue = 2;
constexpr int kSpaceUpvalue = 3;

// Pushes the thin metatable of a face and its faces.
SharedView push_view_of(lua_State* L, int face) {
  luaL_checkstack(L, 12, nullptr);
  stock_lua_getmetatable(L, face);
  stock_rawgetp(L, -1, &thin_key);
  lua_remove(L, -2);
  return push_view(L, lua_gettop(L));
}

int l_absent_function(lua_State* L) {
  return luaL_error(L, "this shared function cannot run on " RUNTIME_ENGINE_NAME);
}

void push_function(lua_State* L, const Value& value, SharedView view) {
  stock_rawgetp(L, view.thin, &functions_key);
  stock_lua_rawgeti(L, -1, static_cast<int>(value.function + 1));
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    const share::Function& function = space_of(L, view.thin).image->functions()[value.function];
    const auto engine = static_cast<std::size_t>(kEngine);
    const std::string& code = function.bytecode[engine];
    if (!function.library.empty()) {
      lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
      lua_getfield(L, -1, function.library.c_str());
      lua_getfield(L, -1, function.name.c_str());
      lua_replace(L, -3);
      lua_pop(L, 1);
    } else if (function.native[engine] != nullptr) {
      lua_pushcfunction(L, reinterpret_cast<lua_CFunction>(function.native[engine]));
    } else if (code.empty()) {
      lua_pushcfunction(L, l_absent_function);
    } else if (luaL_loadbuffer(L, code.data(), code.size(), "=shared") != LUA_OK) {
      lua_error(L);
    }
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, static_cast<int>(value.function + 1));
  }
  lua_remove(L, -2);
}

void push_value(lua_State* L, const Value& value, SharedView view) {
  if (push_plain(L, value)) return;
  if (value.type == Type::table) {
    push_face(L, value.table, view);
  } else {
    push_function(L, value, view);
  }
}

#ifdef RUNTIME_LUAJIT

// Arrays up to this size keep their last element in the array part of the face, which is enough for
// #.
constexpr std::uint32_t kShortArray = 64;

void set_element(lua_State* L, int face, const Table* table, std::uint32_t index, SharedView view) {
  push_value(L, table->value(index - 1), view);
  lua_rawseti(L, face, static_cast<int>(index));
}

// Calls visit(i) for each index up to `length` that LuaJIT's search for the length of a table
// without array part looks at: powers of two, then halving.
template <class Visit>
void search_path(std::uint32_t length, Visit visit) {
  std::uint64_t low = 0;
  std::uint64_t high = 1;
  for (; high <= length; low = high, high *= 2) visit(static_cast<std::uint32_t>(high));
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    if (middle <= length) {
      visit(static_cast<std::uint32_t>(middle));
      low = middle;
    } else {
      high = middle;
    }
  }
}

void create_face(lua_State* L, const Table* table) {
  const std::uint32_t length = table->length();
  int entries = 1;
  if (length > kShortArray) search_path(length, [&](std::uint32_t) { ++entries; });
  lua_createtable(L, length <= kShortArray ? static_cast<int>(length) : 0, entries);
}

// Makes # of the face right.
void set_length(lua_State* L, int face, const Table* table, SharedView view) {
  const std::uint32_t length = table->length();
  if (lua_objlen(L, face) == length) return;
  if (length <= kShortArray) {
    set_element(L, face, table, length, view);
  } else {
    search_path(length, [&](std::uint32_t i) { set_element(L, face, table, i, view); });
  }
  // The face was made for another length, or the engine searches in another way.
  if (lua_objlen(L, face) == length) return;
  for (std::uint32_t i = 1; i <= length; ++i) set_element(L, face, table, i, view);
}

void clear_elements(lua_State* L, int face) {
  lua_pushnil(L);
  while (stock_lua_next(L, face)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TNUMBER) continue;
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    stock_lua_rawset(L, face);
  }
}

#else

void create_face(lua_State* L, const Table*) { lua_createtable(L, 0, 1); }
void set_length(lua_State*, int, const Table*, SharedView) {}
void clear_elements(lua_State*, int) {}

#endif

// ---- metamethods --------------------------------------------------------------------------------

// The data behind the first argument of a metamethod.
const Table* check_table(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  stock_rawgetp(L, 1, &shared_node_key);
  const auto* table = static_cast<const Table*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  if (table == nullptr) luaL_error(L, "this is no shared table any more");
  return table;
}

// A key that no table of this kind can have.
void refuse_key(lua_State* L, Kind kind) {
  if (kind != Kind::data || lua_isnil(L, 2)) return;
  luaL_error(L, "Invalid key type %s", luaL_typename(L, 2));
}

Value look_up(lua_State* L, const Table* table, Kind kind) {
  Key key;
  if (!to_shared_key(L, 2, &key)) {
    refuse_key(L, kind);
    return {};
  }
  if (kind == Kind::data && key.type != Type::text && key.type != Type::integer)
    refuse_key(L, kind);
  const std::uint32_t slot = table->find(key);
  return slot == Table::kNone ? Value() : table->value(slot);
}

int l_remembering_index(lua_State* L);

// Gives a face that is read often a metatable of its own.
void promote(lua_State* L, int face, int thin) {
  lua_createtable(L, 0, 5);
  const int own = lua_gettop(L);
  for (const char* name : {"__newindex", "__len", "__metatable"}) {
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    stock_lua_rawget(L, thin);
    stock_lua_rawset(L, own);
  }
  lua_pushvalue(L, thin);
  stock_rawsetp(L, own, &thin_key);

  lua_pushliteral(L, "__index");
  lua_createtable(L, 0, 4);
  stock_rawgetp(L, face, &shared_node_key);
  stock_rawsetp(L, -2, &shared_node_key);
  stock_rawgetp(L, thin, &memory_key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "__index");
    for (int i = kFacesUpvalue; i <= kSpaceUpvalue; ++i) lua_pushvalue(L, lua_upvalueindex(i));
    lua_pushcclosure(L, l_remembering_index, 3);
    stock_lua_rawset(L, -3);
    lua_pushvalue(L, -1);
    stock_rawsetp(L, thin, &memory_key);
  }
  stock_lua_setmetatable(L, -2);
  stock_lua_rawset(L, own);
  stock_lua_setmetatable(L, face);
}

// value = face[key]
int l_index(lua_State* L) {
  const Table* table = check_table(L);
  auto* space = static_cast<SharedSpace*>(lua_touserdata(L, lua_upvalueindex(kSpaceUpvalue)));
  const Value value = look_up(L, table, space->kind);
  if (++space->reads % kReadsPerPromotion == 0) promote(L, 1, lua_upvalueindex(kThinUpvalue));
  push_value(L, value, {lua_upvalueindex(kThinUpvalue), lua_upvalueindex(kFacesUpvalue)});
  return 1;
}

void forget_all(lua_State* L, int memory) {
  lua_pushnil(L);
  while (stock_lua_next(L, memory)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TLIGHTUSERDATA) continue;
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    stock_lua_rawset(L, memory);
  }
}

// value = memory[key], of a table that remembers values and does not know this one
int l_remembering_index(lua_State* L) {
  const Table* table = check_table(L);
  const auto* space = static_cast<SharedSpace*>(lua_touserdata(L, lua_upvalueindex(kSpaceUpvalue)));
  const Value value = look_up(L, table, space->kind);
  push_value(L, value, {lua_upvalueindex(kThinUpvalue), lua_upvalueindex(kFacesUpvalue)});
  // A light userdata as a key could be one of ours.
  if (value.type == Type::nil || lua_type(L, 2) == LUA_TLIGHTUSERDATA) return 1;
  stock_rawgetp(L, 1, &count_key);
  int count = static_cast<int>(lua_tointeger(L, -1));
  lua_pop(L, 1);
  if (count >= kRemembered) {
    forget_all(L, 1);
    count = 0;
  }
  lua_pushinteger(L, count + 1);
  stock_rawsetp(L, 1, &count_key);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  stock_lua_rawset(L, 1);
  return 1;
}

int l_newindex(lua_State* L) {
  const auto* space = static_cast<SharedSpace*>(lua_touserdata(L, lua_upvalueindex(1)));
  if (space->kind == Kind::tables) return luaL_error(L, "attempt to change a shared table");
  push_shared_path(L, check_table(L));
  return luaL_error(L, "Error newindex, the key [%s]", lua_tostring(L, -1));
}

#ifdef RUNTIME_LUA54
int l_length(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(check_table(L)->length()));
  return 1;
}
#endif

// The metatable at the top of the stack: for lua/shared_base.cc, and a protection against setmetatable().
void protect([[maybe_unused]] lua_State* L) {
#ifdef RUNTIME_LUAJIT
  lua_pushlightuserdata(L, const_cast<char*>(&shared_node_key));
  lua_setfield(L, -2, "__metatable");
#endif
}

int l_dead(lua_State* L) { return luaL_error(L, "%s", lua_tostring(L, lua_upvalueindex(1))); }

}  // namespace

const SharedSpace& space_of(lua_State* L, int thin) {
  stock_rawgetp(L, thin, &space_key);
  const auto* space = static_cast<const SharedSpace*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  return *space;
}

SharedView push_view(lua_State* L, int thin) {
  stock_rawgetp(L, thin, &faces_key);
  return {thin, lua_gettop(L)};
}

void push_weak_values(lua_State* L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  stock_lua_setmetatable(L, -2);
}

void push_thin_metatable(lua_State* L, int space) {
  lua_createtable(L, 0, 10);
  const int thin = lua_gettop(L);
  push_weak_values(L);
  const int faces = lua_gettop(L);

  lua_pushvalue(L, thin);
  stock_rawsetp(L, thin, &thin_key);
  lua_pushvalue(L, space);
  stock_rawsetp(L, thin, &space_key);
  lua_pushvalue(L, faces);
  stock_rawsetp(L, thin, &faces_key);
  if (!static_cast<const SharedSpace*>(lua_touserdata(L, space))->image->functions().empty()) {
    lua_newtable(L);
    stock_rawsetp(L, thin, &functions_key);
  }
  lua_pushvalue(L, faces);
  lua_pushvalue(L, thin);
  lua_pushvalue(L, space);
  lua_pushcclosure(L, l_index, 3);
  lua_setfield(L, thin, "__index");
  lua_pushvalue(L, space);
  lua_pushcclosure(L, l_newindex, 1);
  lua_setfield(L, thin, "__newindex");
#ifdef RUNTIME_LUA54
  lua_pushcfunction(L, l_length);
  lua_setfield(L, thin, "__len");
#endif
  lua_settop(L, thin);
  protect(L);
}

void push_face(lua_State* L, const Table* table, SharedView view) {
  stock_rawgetp(L, view.faces, table);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  luaL_checkstack(L, 12, "shared tables nest too deep");
  create_face(L, table);
  const int face = lua_gettop(L);
  lua_pushlightuserdata(L, const_cast<Table*>(table));
  stock_rawsetp(L, face, &shared_node_key);
  lua_pushvalue(L, face);
  stock_rawsetp(L, view.faces, table);
  set_length(L, face, table, view);
  lua_pushvalue(L, view.thin);
  stock_lua_setmetatable(L, face);
}

void move_face(lua_State* L, int face, const Table* place, SharedView to) {
  lua_pushlightuserdata(L, const_cast<Table*>(place));
  stock_rawsetp(L, face, &shared_node_key);
  lua_pushvalue(L, face);
  stock_rawsetp(L, to.faces, place);
  lua_pushvalue(L, to.thin);
  stock_lua_setmetatable(L, face);
  clear_elements(L, face);
  set_length(L, face, place, to);
}

void push_shared_value(lua_State* L, const Value& value, int face) {
  if (push_plain(L, value)) return;
  const int top = lua_gettop(L);
  push_value(L, value, push_view_of(L, face));
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}

void kill_shared_face(lua_State* L, int face) {
  face = lua_absindex(L, face);
  const int top = lua_gettop(L);
  const Table* table = shared_table(L, face);
  const SharedView view = push_view_of(L, face);
  lua_createtable(L, 0, 4);
  if (space_of(L, view.thin).kind == Kind::data) {
    push_shared_path(L, table);
    lua_pushfstring(L, "The key [%s] doesn't exist after update", lua_tostring(L, -1));
    lua_remove(L, -2);
  } else {
    lua_pushliteral(L, "Invalid proxy");
  }
  lua_pushcclosure(L, l_dead, 1);
  for (const char* name : {"__index", "__newindex", "__len", "__pairs"}) {
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
  }
  lua_pop(L, 1);
  protect(L);
  lua_pushnil(L);
  stock_rawsetp(L, view.faces, table);
  stock_lua_setmetatable(L, face);
  lua_pushnil(L);
  stock_rawsetp(L, face, &shared_node_key);
  clear_elements(L, face);
  lua_settop(L, top);
}

}  // namespace runtime::RUNTIME_ENGINE
