// require "skynet.sharetable.core": what lualib/skynet/sharetable.lua and its service are made of.
#include "held.h"
#include "lua/shared_api.h"
#include "share/source.h"
#include "shared_image.h"
#include "shared_matrix.h"
#include "shared_references.h"
#include "shared_table.h"
#include "shared_value.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

using share::Kind;

namespace {

// More do not fit on the stack of a Lua function.
constexpr int kMaxArguments = 200000;

// What one load needs, in a userdata.
struct Load {
  static constexpr const char* kLuaType = "sharetable.load";
  std::vector<SharedArgument> arguments;
  SharedResult result;
};

// The value at `index` as an argument of a source. A function comes as a light userdata whose place
// is in the table at `engines`, with the name of its engine.
SharedArgument argument(lua_State* L, int index, int engines, int place) {
  SharedArgument argument = check_shared_argument(L, index);
  if (lua_type(L, index) != LUA_TLIGHTUSERDATA) return argument;
  lua_rawgeti(L, engines, place);
  if (lua_type(L, -1) == LUA_TSTRING) {
    argument.is_function = true;
    argument.engine = lua_tostring(L, -1)[3] == '5' ? share::Engine::lua54 : share::Engine::luajit;
  }
  lua_pop(L, 1);
  return argument;
}

// load(name, source or nil, engines, n, ...): runs the source, or the file `name`, with the n
// values and publishes the result. Raises when there is none; then the version before stays.
int l_load(lua_State* L) {
  SharedSource source;
  source.name = check_string(L, 1);
  source.is_text = !lua_isnoneornil(L, 2);
  if (source.is_text) source.text = check_string(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  const lua_Integer given = luaL_checkinteger(L, 4);
  luaL_argcheck(L, given >= 0 && given <= kMaxArguments, 4, "no number of arguments");
  const int count = static_cast<int>(given);
  luaL_checkstack(L, count, "too many arguments of a shared table");
  lua_settop(L, 4 + count);

  Load& load = push_held<Load>(L);
  for (int i = 1; i <= count; ++i) load.arguments.push_back(argument(L, 4 + i, 3, i));
  source.arguments = load.arguments;
  load.result = load_shared_source(source);
  if (!load.result.image) {
    lua_pushlstring(L, load.result.error.data(), load.result.error.size());
    return lua_error(L);
  }
  library(Kind::tables).replace(source.name, std::move(load.result.image));
  return 0;
}

// publish(name, table): shares a copy of the table.
int l_publish(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  ImageMaker* maker = make_image(L, 2, Kind::tables);
  library(Kind::tables).replace(name, std::move(maker->image));
  return 0;
}

struct Names {
  static constexpr const char* kLuaType = "sharetable.names";
  std::vector<std::string> list;
};

// table = query(name); no value when the name is unknown
int l_query(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  share::ImageRef& image = push_held<HeldImage>(L).image;
  image = library(Kind::tables).find(name);
  if (!image) return 0;
  push_shared_root(L, image, Kind::tables);
  image = share::ImageRef();  // the collector may take its time
  return 1;
}

// names = names()
int l_names(lua_State* L) {
  const std::vector<std::string>& names = push_held<Names>(L).list = library(Kind::tables).names();
  lua_createtable(L, static_cast<int>(names.size()), 0);
  int i = 0;
  for (const std::string& name : names) {
    lua_pushlstring(L, name.data(), name.size());
    lua_rawseti(L, -2, ++i);
  }
  return 1;
}

// update(name, ...): replaces all that this service holds of older versions.
int l_update(lua_State* L) {
  const int count = lua_gettop(L);
  lua_newtable(L);
  const int left = lua_gettop(L);
  share::ImageRef& image = push_held<HeldImage>(L).image;
  for (int i = 1; i <= count; ++i) {
    image = library(Kind::tables).find(check_string(L, i));
    if (image) move_shared_faces(L, image, Kind::tables, left);
  }
  image = share::ImageRef();
  lua_pushnil(L);
  if (stock_lua_next(L, left)) {
    lua_pop(L, 2);
    replace_shared_references(L, left);
  }
  return 0;
}

// images, bytes = totals(): of all shared data of the process, in all versions that somebody holds
int l_totals(lua_State* L) {
  const share::ImageTotals totals = share::image_totals();
  lua_pushnumber(L, static_cast<lua_Number>(totals.images));
  lua_pushnumber(L, static_cast<lua_Number>(totals.bytes));
  return 2;
}

// pointer, engine = pointer(f): how a C function without upvalues goes in a message
int l_pointer(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  const bool light = lua_tocfunction(L, 1) != nullptr && lua_getupvalue(L, 1, 1) == nullptr;
  if (!light)
    return luaL_error(L, "only C functions without upvalues can be arguments of a shared table");
  lua_pushlightuserdata(L, reinterpret_cast<void*>(lua_tocfunction(L, 1)));
  lua_pushliteral(L, RUNTIME_ENGINE_NAME);
  return 2;
}

}  // namespace

int open_sharetable(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"load", l_load},     {"publish", l_publish}, {"query", l_query},   {"names", l_names},
      {"update", l_update}, {"pointer", l_pointer}, {"totals", l_totals}, {nullptr, nullptr},
  };
  open_shared_tables(L);
  luaL_newlib(L, kFunctions);
  add_matrix_functions(L);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
