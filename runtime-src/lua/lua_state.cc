#include "lua/lua_state.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "lua/builtin_modules.h"
#include "lua/code_cache.h"
#include "lua/lazy_libraries.h"
#include "lua/module_search.h"
#include "lua/newer_names.h"
#include "lua/shared_base.h"
#include "lua/stack_checks.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// print(...), as Lua's, but in one piece: Lua's writes word by word, and lines of the log came
// between.
int l_print(lua_State* L) {
  const int count = lua_gettop(L);
  luaL_checkstack(L, 2 * count + 4, "too many values to print");
  for (int i = 1; i <= count; ++i) {
    if (i > 1) lua_pushliteral(L, "\t");
#ifdef RUNTIME_LUAJIT
    lua_getglobal(L, "tostring");  // Lua 5.1 takes the one of the program
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    if (lua_tostring(L, -1) == nullptr)
      return luaL_error(L, "'tostring' must return a string to 'print'");
#else
    luaL_tolstring(L, i, nullptr);
#endif
  }
  lua_pushliteral(L, "\n");
  lua_concat(L, lua_gettop(L) - count);
  std::size_t size;
  const char* line = lua_tolstring(L, -1, &size);
  std::fwrite(line, 1, size, stdout);  // which is flushed line by line (main.cc)
  return 0;
}

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

const char* loader_file(const Environment& environment) {
  const char* const file = environment.get("lualoader");
  return file != nullptr ? file : "./lualib/loader.lua";
}

// Whether a loader is lualib/loader.lua as it comes: comments, and one call.
bool is_usual_loader(const char* file) noexcept {
  constexpr std::string_view kCall = R"(require "skynet.loader" (...))";
  std::ifstream in(file);
  int calls = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with("--")) continue;
    if (line != kCall) return false;
    ++calls;
  }
  return calls == 1;
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
#ifdef RUNTIME_LUAJIT
  install_stack_checks(L);
  install_newer_names(L);
#endif
  lua_register(L, "print", l_print);
  set_global(L, environment, "LUA_PATH", "lua_path", "./lualib/?.lua;./lualib/?/init.lua");
  set_global(L, environment, "LUA_CPATH", "lua_cpath", "./luaclib/?.so");
  set_global(L, environment, "LUA_SERVICE", "luaservice", "./service/?.lua");
  set_global(L, environment, "LUA_PRELOAD", "preload", nullptr);
}

void set_search_paths(lua_State* L, const Environment& environment) {
  if (!is_usual_loader(loader_file(environment))) return;
  lua_getglobal(L, "package");
  lua_getglobal(L, "LUA_PATH");
  lua_setfield(L, -2, "path");
  lua_getglobal(L, "LUA_CPATH");
  lua_setfield(L, -2, "cpath");
  lua_pop(L, 1);
}

void load_service_loader(lua_State* L, const Environment& environment) {
  const char* const file = loader_file(environment);
  if (load_file(L, file) != LUA_OK) luaL_error(L, "Can't load %s : %s", file, lua_tostring(L, -1));
}

}  // namespace runtime::RUNTIME_ENGINE
