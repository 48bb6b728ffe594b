// skynet.loader: from the argument string of a Lua service to its running script. A
// function(arguments).
//
// It reads the globals that lua_state.cc sets (LUA_SERVICE, LUA_PATH, LUA_CPATH, LUA_PRELOAD), and
// takes them away.
#include <cstring>

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

// Pushes the service's main chunk and the pattern of LUA_SERVICE that led to it. A file that is found and does not compile
// is what is raised, unless the application has another one of that name, as skynet lets it: then the log tells. What this
// tree has under the same name never counts in its stead. When no file is found, the places that were tried are raised.
void push_script(lua_State* L, const char* name) {
  take_global(L, "LUA_SERVICE");
  push_service_patterns(L, luaL_checkstring(L, -1), name);
  lua_remove(L, -2);
  const char* patterns = lua_tostring(L, -1);
  lua_pushnil(L);
  const int broken = lua_gettop(L);  // the error of the first file that does not compile
  lua_pushliteral(L, "");
  const int tried = broken + 1;
  while (*patterns != '\0') {
    const std::size_t size = std::strcspn(patterns, ";");
    lua_pushlstring(L, patterns, size);
    const char* pattern = lua_tostring(L, -1);
    patterns += size;
    patterns += std::strspn(patterns, ";");
    if (size == 0 || (!lua_isnil(L, broken) && is_of_tree_services(pattern))) {
      lua_settop(L, tried);
      continue;
    }
    const char* file = luaL_gsub(L, pattern, "?", name);
    if (load_file(L, file) == LUA_OK) {
      if (!lua_isnil(L, broken)) log_text(L, broken);
      lua_remove(L, -2);  // the file's name
      lua_insert(L, -2);
      return;
    }
    if (!is_found(file)) {
      lua_pushvalue(L, tried);
      if (lua_rawlen(L, tried) != 0) {
        lua_pushliteral(L, "\n");
        lua_concat(L, 2);
      }
      lua_insert(L, -2);
      lua_concat(L, 2);
      lua_replace(L, tried);
    } else if (lua_isnil(L, broken)) {
      lua_replace(L, broken);
    }
    lua_settop(L, tried);
  }
  if (lua_isnil(L, broken)) {
    if (lua_rawlen(L, tried) == 0) luaL_error(L, "the config's luaservice is empty");
    lua_pushvalue(L, tried);
  } else {
    lua_pushvalue(L, broken);
  }
  lua_error(L);
}

// package.FIELD = GLOBAL; GLOBAL = nil
void move_path(lua_State* L, const char* global, const char* field) {
  lua_getglobal(L, "package");
  take_global(L, global);
  lua_setfield(L, -2, field);
  lua_pop(L, 1);
}

// SERVICE_PATH, from the pattern at the top: the folder of the service. One of its own
// (./?/main.lua) is the first where modules are searched.
void set_service_path(lua_State* L, const char* name) {
  const char* pattern = lua_tostring(L, -1);
  const char* slash = std::strrchr(pattern, '/');
  if (slash == nullptr) {
    lua_pushliteral(L, "./");
    lua_setglobal(L, "SERVICE_PATH");
    return;
  }
  lua_pushlstring(L, pattern, static_cast<std::size_t>(slash + 1 - pattern));
  const char* folder = lua_tostring(L, -1);
  const std::size_t file_size = std::strlen(slash);
  const bool own_folder = std::strchr(folder, '?') != nullptr &&
                          std::strchr(slash, '?') == nullptr && file_size > 5 &&
                          std::strcmp(slash + file_size - 4, ".lua") == 0;
  if (own_folder) {
    luaL_gsub(L, folder, "?", name);
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
    if (load_file(L, file) != LUA_OK) lua_error(L);
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
  push_script(L, name);
  move_path(L, "LUA_PATH", "path");
  move_path(L, "LUA_CPATH", "cpath");
  set_service_path(L, name);
  lua_pop(L, 1);
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
