#include "lua/lua_state.h"

#include "lua/builtin_modules.h"
#include "lua/code_cache.h"
#include "lua/lazy_libraries.h"
#include "lua/module_search.h"
#include "lua/shared_base.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// The functions of the library `coroutine` that resume are those that measure.
void install_profile(lua_State* L) {
  lua_getglobal(L, "coroutine");
  add_resuming_functions(L);
  lua_pop(L, 1);
}

void set_global(lua_State* L, const Environment& environment, const char* global, const char* key,
                const char* otherwise) {
  const char* value = environment.get(key);
  if (value == nullptr) value = otherwise;
  if (value == nullptr) return;
  lua_pushstring(L, value);
  lua_setglobal(L, global);
}

}  // namespace

void open_service_libraries(lua_State* L, const Environment& environment) {
  // Paths come from the config alone.
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  open_standard_libraries(L);
  install_shared_base(L);
  install_module_search(L);
  install_profile(L);
  install_loadfile(L);
  set_global(L, environment, "LUA_PATH", "lua_path", "./lualib/?.lua;./lualib/?/init.lua");
  set_global(L, environment, "LUA_CPATH", "lua_cpath", "./luaclib/?.so");
  set_global(L, environment, "LUA_SERVICE", "luaservice", "./service/?.lua");
  set_global(L, environment, "LUA_PRELOAD", "preload", nullptr);
}

void load_service_loader(lua_State* L, const Environment& environment) {
  const char* file = environment.get("lualoader");
  if (file == nullptr) file = "./lualib/loader.lua";
  if (load_file(L, file) != LUA_OK) luaL_error(L, "Can't load %s : %s", file, lua_tostring(L, -1));
}

}  // namespace runtime::RUNTIME_ENGINE
