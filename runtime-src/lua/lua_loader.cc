// skynet.loader: from the argument string of a Lua service to its running script. A
// function(arguments).
//
// It reads the globals that lua_state.cc sets (LUA_SERVICE, LUA_PATH, LUA_CPATH, LUA_PRELOAD), and
// takes them away.
#include <linux/limits.h>

#include <cstring>
#include <string_view>

#include "lua/code_cache.h"
#include "lua/engine.h"
#include "lua/module_search.h"
#include "lua/search_order.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr char kBlanks[] = " \t\r\n\v\f";

// Pushes the words of `text`; their number.
int push_words(lua_State* L, const char* text) {
  int count = 0;
  for (text += std::strspn(text, kBlanks); *text != '\0'; text += std::strspn(text, kBlanks)) {
    const std::size_t size = std::strcspn(text, kBlanks);
    luaL_checkstack(L, 1, "too many arguments of a service");
    lua_pushlstring(L, text, size);
    text += size;
    ++count;
  }
  return count;
}

// Pushes copies of the values from `from` to `to`; their number.
int push_copies(lua_State* L, int from, int to) {
  luaL_checkstack(L, to - from + 1, "too many arguments of a service");
  for (int i = from; i <= to; ++i) lua_pushvalue(L, i);
  return to - from + 1;
}

// Pushes the value of a global, and takes it away.
void take_global(lua_State* L, const char* name) {
  lua_getglobal(L, name);
  lua_pushnil(L);
  lua_setglobal(L, name);
}

// Writes the text at `index` to the log.
void log_text(lua_State* L, int index) {
  require_module(L, "skynet.core");
  lua_getfield(L, -1, "error");
  lua_pushvalue(L, index);
  lua_call(L, 1, 0);
  lua_pop(L, 1);
}

// FILE: PATTERN with the name of the service for each '?'. Raises when that is too long.
using FileName = char[PATH_MAX];
void fill_in(lua_State* L, std::string_view pattern, const char* name, FileName* file) {
  const std::string_view whole_name = name;
  std::size_t size = 0;
  for (const char& c : pattern) {
    const std::string_view part = c == '?' ? whole_name : std::string_view(&c, 1);
    if (size + part.size() >= sizeof(*file)) {
      luaL_error(L, "the path of service %s is longer than %d bytes", name, PATH_MAX - 1);
    }
    std::memcpy(*file + size, part.data(), part.size());
    size += part.size();
  }
  (*file)[size] = '\0';
}

// Takes the places that were looked at, or nil, and the reason why the last one did not do; adds the one to the others.
void add_reason(lua_State* L, int tried) {
  if (lua_isnil(L, tried)) return lua_replace(L, tried);
  lua_pushvalue(L, tried);
  lua_pushliteral(L, "\n");
  lua_rotate(L, -3, 2);
  lua_concat(L, 3);
  lua_replace(L, tried);
}

// Pushes the service's main chunk; gives the pattern of LUA_SERVICE that led to it, which lies in the string below. A file
// that is found and does not compile is what is raised, unless the application has another one of that name, as skynet lets
// it: then the log tells. What this tree has under the same name never counts in its stead. When no file is found, the
// places that were tried are raised.
std::string_view push_script(lua_State* L, const char* name) {
  take_global(L, "LUA_SERVICE");
  luaL_checkstring(L, -1);
  push_service_patterns(L, lua_gettop(L), name);
  lua_remove(L, -2);
  lua_pushnil(L);
  const int broken = lua_gettop(L);  // the error of the first file that does not compile
  lua_pushnil(L);
  const int tried = broken + 1;
  for (std::string_view rest = lua_tostring(L, broken - 1); !rest.empty();) {
    const std::string_view pattern = take_pattern(&rest);
    if (pattern.empty() || (!lua_isnil(L, broken) && is_of_tree_services(pattern))) continue;
    FileName file;
    fill_in(L, pattern, name, &file);
    if (load_file(L, file) == LUA_OK) {
      if (!lua_isnil(L, broken)) log_text(L, broken);
      lua_replace(L, broken);
      lua_settop(L, broken);
      return pattern;
    }
    if (!is_found(file)) {
      add_reason(L, tried);
    } else if (lua_isnil(L, broken)) {
      lua_replace(L, broken);
    }
    lua_settop(L, tried);
  }
  if (lua_isnil(L, broken)) {
    if (lua_isnil(L, tried)) luaL_error(L, "the config's luaservice is empty");
    lua_pushvalue(L, tried);
  } else {
    lua_pushvalue(L, broken);
  }
  lua_error(L);
  return {};
}

// package.FIELD = GLOBAL; GLOBAL = nil
void move_path(lua_State* L, const char* global, const char* field) {
  lua_getglobal(L, "package");
  take_global(L, global);
  lua_setfield(L, -2, field);
  lua_pop(L, 1);
}

// SERVICE_PATH, from the pattern: the folder of the service. One of its own (./?/main.lua) is the first where modules are
// searched.
void set_service_path(lua_State* L, std::string_view pattern, const char* name) {
  const std::size_t slash = pattern.rfind('/');
  if (slash == pattern.npos) {
    lua_pushliteral(L, "./");
    lua_setglobal(L, "SERVICE_PATH");
    return;
  }
  const std::string_view folder = pattern.substr(0, slash + 1);
  lua_pushlstring(L, folder.data(), folder.size());
  if (folder.find('?') != folder.npos) {
    luaL_gsub(L, lua_tostring(L, -1), "?", name);
    lua_getglobal(L, "package");
    lua_pushvalue(L, -2);
    lua_pushliteral(L, "?.lua;");
    lua_getfield(L, -3, "path");
    lua_concat(L, 3);
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
    lua_remove(L, -2);
  }
  lua_setglobal(L, "SERVICE_PATH");
}

// Runs the config's preload with all words, from `first` on.
void run_preload(lua_State* L, int first, int count) {
  take_global(L, "LUA_PRELOAD");
  const char* file = lua_tostring(L, -1);
  if (file != nullptr) {
    const int status = load_file(L, file);
    if (status == LUA_ERRFILE) luaL_error(L, "the option `preload`: %s", lua_tostring(L, -1));
    if (status != LUA_OK) lua_error(L);
    lua_call(L, push_copies(L, first, first + count - 1), 0);
  }
  lua_pop(L, 1);
}

int l_load_service(lua_State* L) {
  const char* arguments = luaL_checkstring(L, 1);
  lua_settop(L, 1);
  const int count = push_words(L, arguments);
  if (count == 0) return luaL_error(L, "no service is named");
  constexpr int kName = 2;
  const char* name = lua_tostring(L, kName);
  lua_pushvalue(L, kName);
  lua_setglobal(L, "SERVICE_NAME");
  const std::string_view pattern = push_script(L, name);
  move_path(L, "LUA_PATH", "path");
  move_path(L, "LUA_CPATH", "cpath");
  set_service_path(L, pattern, name);
  lua_remove(L, -2);  // what the pattern is a part of
  run_preload(L, kName, count);
  require_module(L, "skynet.require");
  lua_getfield(L, -1, "require");
  lua_setglobal(L, "require");
  lua_pop(L, 1);
  lua_call(L, push_copies(L, kName + 1, kName + count - 1), 0);
  return 0;
}

}  // namespace

int open_loader(lua_State* L) {
  lua_pushcfunction(L, l_load_service);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
