#include "lua/module_search.h"

#include <dlfcn.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "lua/builtin_modules.h"
#include "lua/code_cache.h"
#include "lua/lazy_libraries.h"
#include "lua/ready_modules.h"
#include "lua/search_order.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

char require_key;  // its address is the key in the registry: Lua's own `require`

// What a searcher says before the reason why it has nothing: Lua 5.4 adds it itself.
#ifdef RUNTIME_LUAJIT
#define RUNTIME_REASON "\n\t"
#else
#define RUNTIME_REASON ""
#endif

const BuiltinModule* find_builtin(const char* name) {
  for (const BuiltinModule& module : builtin_modules()) {
    if (std::strcmp(module.name, name) == 0) return &module;
  }
  return nullptr;
}

// Lua's searcher of package.preload. What it says of a module that it does not have is left out where
// a later searcher surely has it: such texts would be a fortieth of a service that has just started.
// Upvalues: package, Lua's searcher.
int l_search_preload(lua_State* L) {
  const char* name = luaL_checkstring(L, 1);
  if (find_builtin(name) != nullptr || is_ready_module(L, name)) {
    lua_getfield(L, lua_upvalueindex(1), "preload");
    if (lua_istable(L, -1)) {
      lua_getfield(L, -1, name);
      if (lua_isnil(L, -1)) return 0;
    }
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, 1, LUA_MULTRET);
  return lua_gettop(L);
}

int l_search_builtin(lua_State* L) {
  const char* name = luaL_checkstring(L, 1);
  if (const BuiltinModule* const module = find_builtin(name)) {
    give_up_ready_module(L, name);
    lua_pushcfunction(L, module->open);
    lua_pushliteral(L, ":builtin:");
    return 2;
  }
  if (is_ready_module(L, name)) return 0;
  lua_pushfstring(L, RUNTIME_REASON "no built-in module '%s'", name);
  return 1;
}

// Of a message of package.searchpath: pushes the name of the first file that is there, though it could not be opened;
// false, and nothing pushed, when none is.
bool push_unreadable(lua_State* L, const char* message) {
  static constexpr std::string_view kBefore = "no file '";
  for (std::string_view rest = message;;) {
    const std::size_t at = rest.find(kBefore);
    if (at == rest.npos) return false;
    rest.remove_prefix(at + kBefore.size());
    const std::size_t end = rest.find("'");
    if (end == rest.npos) return false;
    lua_pushlstring(L, rest.data(), end);
    if (is_found(lua_tostring(L, -1))) return true;
    lua_pop(L, 1);
  }
}

// Lua's searcher of source files, through the code cache. Upvalues: package, package.searchpath.
int l_search_source(lua_State* L) {
  const char* name = luaL_checkstring(L, 1);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_getfield(L, lua_upvalueindex(1), "path");
  const char* path = lua_tostring(L, -1);
  if (path == nullptr) return luaL_error(L, "'package.path' must be a string");
  if (push_ready_module(L, name, path)) return 2;
  push_module_patterns(L, lua_gettop(L), name);
  lua_remove(L, -2);
  lua_call(L, 2, 2);
  if (lua_isnil(L, -2)) {
    if (!push_unreadable(L, lua_tostring(L, -1))) {
#ifdef RUNTIME_LUA54
      open_lazy_libraries(L);  // the next searcher may load a foreign module
#endif
      return 1;  // the places that were tried
    }
  } else {
    lua_pop(L, 1);
  }
  const char* file = lua_tostring(L, -1);
  if (load_file(L, file) != LUA_OK) {
    return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", name, file,
                      lua_tostring(L, -1));
  }
  lua_insert(L, -2);
  return 2;
}

#ifdef RUNTIME_LUAJIT

struct Found {
  enum {
    none,
    opened,
    refused,
    failed
  } state = none;  // refused: one that is not for LuaJIT; another may follow
  lua_CFunction open = nullptr;
  char text[512] = "";  // the file that was opened, or why it could not be

  bool is_final() const { return state == opened || state == failed; }
};

std::string replace_all(std::string_view text, char from, std::string_view to) {
  std::string result;
  for (const char c : text) {
    if (c == from) {
      result += to;
    } else {
      result += c;
    }
  }
  return result;
}

void open_object(const std::string& file, const std::string& function, Found* found) {
  void* object = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    found->state = Found::failed;
    std::snprintf(found->text, sizeof(found->text), "%s", dlerror());
    return;
  }
  if (dlsym(object, "runtime_luajit_module") == nullptr) {
    dlclose(object);
    if (found->state == Found::refused) return;
    found->state = Found::refused;
    std::snprintf(
        found->text, sizeof(found->text),
        "%s is built for Lua 5.4 and cannot be loaded into LuaJIT; run this service on Lua 5.4 "
        "(config key "
        "`lua54`), or build the module for LuaJIT and put it into the folder jit/ beside it",
        file.c_str());
    return;
  }
  found->open = reinterpret_cast<lua_CFunction>(dlsym(object, function.c_str()));
  if (found->open == nullptr) return;  // as in Lua: an object without the function is passed over
  found->state = Found::opened;
  std::snprintf(found->text, sizeof(found->text), "%s", file.c_str());
}

// Looks for module `name` in the object of `object_name` (itself, or the first part of a dotted
// name).
void search_path(std::string_view path, std::string_view name, std::string_view object_name,
                 Found* found) noexcept {
  const std::string file_part = replace_all(object_name, '.', "/");
  const std::string function = "luaopen_" + replace_all(name.substr(name.find('-') + 1), '.', "_");
  while (!path.empty()) {
    const std::string_view pattern = take_pattern(&path);
    if (pattern.find('?') == pattern.npos) continue;
    for (const char* folder : {"jit/", ""}) {
      const std::string file = replace_all(pattern, '?', folder + file_part);
      if (access(file.c_str(), R_OK) == 0) open_object(file, function, found);
      if (found->is_final()) return;
    }
  }
}

int l_search_object(lua_State* L) {
  std::size_t length;
  const char* name = luaL_checklstring(L, 1, &length);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "cpath");
  const char* path = lua_tostring(L, -1);
  if (path == nullptr) return luaL_error(L, "'package.cpath' must be a string");
  Found found;
  search_path(path, name, name, &found);
  const char* dot = std::strchr(name, '.');
  if (!found.is_final() && dot != nullptr) {
    search_path(path, name, {name, static_cast<std::size_t>(dot - name)}, &found);
  }
  switch (found.state) {
    case Found::opened:
      open_lazy_libraries(L);
      lua_pushcfunction(L, found.open);
      lua_pushstring(L, found.text);
      return 2;
    case Found::refused:
    case Found::failed: return luaL_error(L, "error loading module '%s':\n\t%s", name, found.text);
    default:
      lua_pushfstring(L, RUNTIME_REASON "no module '%s' for LuaJIT in '%s'", name, path);
      return 1;
  }
}

// package.loadlib(file, function) -> the function; or nil, why, and at which step it failed. With
// "*" for the function the file may be any library: its symbols become visible to all, nothing of
// it is called.
int l_loadlib(lua_State* L) {
  const char* file = luaL_checkstring(L, 1);
  const char* function = luaL_checkstring(L, 2);
  Found found;
  if (std::strcmp(function, "*") == 0) {
    if (dlopen(file, RTLD_NOW | RTLD_GLOBAL) != nullptr) {
      lua_pushboolean(L, 1);
      return 1;
    }
    found.state = Found::failed;
    std::snprintf(found.text, sizeof(found.text), "%s", dlerror());
  } else {
    open_object(file, function, &found);
  }
  if (found.state == Found::opened) {
    open_lazy_libraries(L);
    lua_pushcfunction(L, found.open);
    return 1;
  }
  const bool opened = found.state == Found::none;
  lua_pushnil(L);
  if (opened) {
    lua_pushfstring(L, "%s: no function %s", file, function);
  } else {
    lua_pushstring(L, found.text);
  }
  lua_pushstring(L, opened ? "init" : "open");
  return 3;
}

#endif

}  // namespace

void install_module_search(lua_State* L) {
  // Services have another `require` in its place (lualib/skynet/require.lua).
  lua_getglobal(L, "require");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &require_key);
  lua_getglobal(L, "package");
  const int package = lua_gettop(L);
#ifdef RUNTIME_LUAJIT
  lua_getfield(L, package, "loaders");
  lua_pushcfunction(L, l_search_object);
  lua_rawseti(L, -2, 3);
  lua_pushnil(L);
  lua_rawseti(L, -2, 4);
  // 5.4 calls the same table by this name.
  lua_pushvalue(L, -1);
  lua_setfield(L, package, "searchers");
  lua_pushcfunction(L, l_loadlib);
  lua_setfield(L, package, "loadlib");
#else
  lua_getfield(L, package, "searchers");
#endif
  lua_pushvalue(L, package);
  lua_rawgeti(L, -2, 1);
  lua_pushcclosure(L, l_search_preload, 2);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, package);
  lua_getfield(L, package, "searchpath");
  lua_pushcclosure(L, l_search_source, 2);
  lua_rawseti(L, -2, 2);
  for (int i = static_cast<int>(lua_rawlen(L, -1)); i >= 2; --i) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, l_search_builtin);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

void require_module(lua_State* L, const char* name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &require_key);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

}  // namespace runtime::RUNTIME_ENGINE
