#include "lua/arguments.h"

#include <string_view>

#include "lua/shared_api.h"
#include "lua/task_functions.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// Modules that have functions of `skynet` under another name.
bool is_internal(std::string_view module) {
  return module == "skynet.native" || module == "skynet.manager" || module == "skynet.scheduler";
}

// The field of the table at the top that is the function at `function`; null when none is.
const char* field_of(lua_State* L, int function) {
  const int table = lua_gettop(L);
  if (!lua_istable(L, table)) return nullptr;
  for (lua_pushnil(L); stock_lua_next(L, table) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, function)) continue;
    const char* name = lua_tostring(L, -2);
    lua_settop(L, table);
    return name;
  }
  return nullptr;
}

// Pushes the name that the function at the top has in the modules that are loaded; false (and
// nothing pushed) when it has none.
bool push_module_name(lua_State* L) {
  const int function = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  const int modules = function + 1;
  lua_getfield(L, modules, "skynet");
  if (const char* name = field_of(L, function)) {
    lua_pushfstring(L, "skynet.%s", name);
    lua_replace(L, modules);
    lua_settop(L, modules);
    return true;
  }
  lua_settop(L, modules);
  for (lua_pushnil(L); stock_lua_next(L, modules) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || is_internal(lua_tostring(L, -2))) continue;
    const char* module = lua_tostring(L, -2);
    const char* name = field_of(L, function);
    if (name == nullptr) continue;
    if (std::string_view(module) == "_G") {
      lua_pushstring(L, name);
    } else {
      lua_pushfstring(L, "%s.%s", module, name);
    }
    lua_replace(L, modules);
    lua_settop(L, modules);
    return true;
  }
  lua_settop(L, function);
  return false;
}

// What skynet.lua puts a function of its own in front of, on LuaJIT; null for others.
const char* name_of_native(lua_CFunction function) {
  for (const luaL_Reg* at = kMessageFunctions; at->name != nullptr; ++at) {
    if (at->func == function) return at->name;
  }
  return nullptr;
}

}  // namespace

int argument_error(lua_State* L, int index, const char* text) {
  lua_Debug frame;
  if (!lua_getstack(L, 0, &frame)) return luaL_error(L, "bad argument #%d (%s)", index, text);
  luaL_checkstack(L, 12, nullptr);
  lua_getinfo(L, "n", &frame);
  if (frame.namewhat != nullptr && std::string_view(frame.namewhat) == "method") {
    if (--index == 0) return luaL_error(L, "calling '%s' on bad self (%s)", frame.name, text);
  }
  lua_getinfo(L, "f", &frame);  // leaves the names alone
  const char* name = frame.name != nullptr ? frame.name : "?";
  if (push_module_name(L)) {
    name = lua_tostring(L, -1);
  } else if (const char* native = name_of_native(lua_tocfunction(L, -1))) {
    name = lua_pushfstring(L, "skynet.%s", native);
  }
  return luaL_error(L, "bad argument #%d to '%s' (%s)", index, name, text);
}

int type_error(lua_State* L, int index, const char* expected) {
  const char* got = luaL_typename(L, index);
  if (luaL_getmetafield(L, index, "__name")) {
    if (lua_type(L, -1) == LUA_TSTRING) got = lua_tostring(L, -1);
  } else if (lua_type(L, index) == LUA_TLIGHTUSERDATA) {
    got = "light userdata";
  }
  const char* text = lua_pushfstring(L, "%s expected, got %s", expected, got);
  return argument_error(L, index, text);
}

}  // namespace runtime::RUNTIME_ENGINE
