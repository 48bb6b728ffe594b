#include "lua/ready_modules.h"

#include <unistd.h>

#include <iterator>

#include "lua/lua_native.h"
#include "lua/module_search.h"
#include "lua/search_order.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr char kSkynet[] = "skynet";
constexpr char kNative[] = "skynet.native";
constexpr char kRequire[] = "skynet.require";
// Each one after those that it requires. Nothing else requires the native one.
constexpr const char* kModules[] = {kRequire, kNative, kSkynet};

// Its address is the key in the registry: a table with the values of the modules by their names,
// and at kPath package.path, at kPath + 1 ... the files of the modules.
char ready_key;
constexpr int kPath = 1;

// Pushes package.loaded.
void push_loaded(lua_State* L) { lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); }

int count_loaded(lua_State* L) {
  int count = 0;
  push_loaded(L);
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) ++count;
  lua_pop(L, 1);
  return count;
}

// package.path = the value on top, which is popped.
void set_path(lua_State* L) {
  lua_getglobal(L, "package");
  lua_insert(L, -2);
  lua_setfield(L, -2, "path");
  lua_pop(L, 1);
}

// Pushes the file that `path` has for a module. Raises if there is none.
const char* push_file(lua_State* L, const char* name, const char* path) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchpath");
  lua_remove(L, -2);
  lua_pushstring(L, name);
  lua_pushstring(L, path);
  push_module_patterns(L, lua_gettop(L), name);
  lua_remove(L, -2);
  lua_call(L, 2, 1);
  if (lua_isnil(L, -1)) luaL_error(L, "no module %s", name);
  return lua_tostring(L, -1);
}

// Whether `file` is the skynet.lua of a tree like this one.
bool is_own(lua_State* L, const char* file) {
  constexpr char kEnd[] = "skynet.lua";
  const std::size_t size = std::strlen(file), end = sizeof(kEnd) - 1;
  if (size < end || std::strcmp(file + size - end, kEnd) != 0) return false;
  lua_pushlstring(L, file, size - end);
  lua_pushliteral(L, "skynet/parts.lua");
  lua_concat(L, 2);
  const bool own = access(lua_tostring(L, -1), R_OK) == 0;
  lua_pop(L, 1);
  return own;
}

// The loader that `require` calls with the name of the module.
int l_take_ready(lua_State* L) {
  const char* const name = luaL_checkstring(L, 1);
  lua_settop(L, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ready_key);
  if (lua_isnil(L, 1)) return luaL_error(L, "%s was required meanwhile", name);
  push_loaded(L);
  for (const char* const module : kModules) {
    lua_getfield(L, 1, module);
    const bool last = std::strcmp(module, name) == 0;
    if (!lua_isnil(L, 3)) {
      if (std::strcmp(module, kNative) == 0) take_kept_scheduler(L);
      lua_pushnil(L);
      lua_setfield(L, 1, module);
      lua_pushvalue(L, 3);
      lua_setfield(L, 2, module);
    }
    if (last) break;
    lua_settop(L, 2);
  }
  if (std::strcmp(name, kSkynet) == 0) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ready_key);
  }
  return 1;
}

}  // namespace

void make_skynet_ready(lua_State* L) {
  const int top = lua_gettop(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "path");
  const int before = lua_gettop(L);
  lua_newtable(L);
  const int ready = lua_gettop(L);
  lua_getglobal(L, "LUA_PATH");
  const char* const path = lua_tostring(L, -1);
  lua_pushvalue(L, -1);
  lua_rawseti(L, ready, kPath);
  set_path(L);
  int at = kPath;
  for (const char* const module : kModules) {
    ++at;
    if (module == kNative) continue;
    const char* const file = push_file(L, module, path);
    if (module == kSkynet && !is_own(L, file)) luaL_error(L, "%s is another skynet", file);
    lua_rawseti(L, ready, at);
  }
  const int loaded = count_loaded(L);
  require_module(L, kSkynet);
  push_loaded(L);
  lua_getfield(L, -1, kNative);
  if (!lua_rawequal(L, -1, -3)) luaL_error(L, "another skynet");
  lua_pop(L, 1);
  for (const char* const module : kModules) {
    lua_getfield(L, -1, module);
    if (lua_isnil(L, -1)) luaL_error(L, "%s is not loaded", module);
    lua_setfield(L, ready, module);
    lua_pushnil(L);
    lua_setfield(L, -2, module);
  }
  if (count_loaded(L) != loaded) luaL_error(L, "skynet has required more");
  keep_scheduler(L);
  lua_pushvalue(L, ready);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &ready_key);
  lua_pushvalue(L, before);
  set_path(L);
  lua_settop(L, top);
}

bool push_ready_module(lua_State* L, const char* name, const char* path) {
  const int top = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ready_key);
  if (lua_isnil(L, -1)) {
    lua_settop(L, top);
    return false;
  }
  int at = kPath;
  for (const char* const module : kModules) {
    ++at;
    if (std::strcmp(module, name) != 0) continue;
    lua_getfield(L, -1, name);
    if (lua_isnil(L, -1)) break;
    lua_rawgeti(L, -2, kPath);
    if (std::strcmp(lua_tostring(L, -1), path) != 0) {
      give_up_ready_module(L, name);
      break;
    }
    lua_pushcfunction(L, l_take_ready);
    lua_rawgeti(L, top + 1, at);
    lua_replace(L, top + 2);
    lua_replace(L, top + 1);
    lua_settop(L, top + 2);
    return true;
  }
  lua_settop(L, top);
  return false;
}

void push_ready_value(lua_State* L, const char* name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &ready_key);
  if (lua_isnil(L, -1)) return;
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

bool is_ready_module(lua_State* L, const char* name) {
  push_ready_value(L, name);
  const bool ready = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return ready;
}

void give_up_ready_module(lua_State* L, const char* name) {
  if (!is_ready_module(L, name)) return;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &ready_key);
}

}  // namespace runtime::RUNTIME_ENGINE
