#include "lua/arguments.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "lua/internal_modules.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

bool is_internal(std::string_view module) {
  return std::find(std::begin(kInternalModules), std::end(kInternalModules), module) !=
         std::end(kInternalModules);
}

// The text key of the table at the top, under which it has the value at `value`; null when none is.
const char* key_of(lua_State* L, int value) {
  const int table = lua_gettop(L);
  if (!lua_istable(L, table)) return nullptr;
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, value)) continue;
    const char* name = lua_tostring(L, -2);
    lua_settop(L, table);
    return name;
  }
  return nullptr;
}

// Puts what was pushed last in the place of the value at `index`, which becomes the top.
bool leave_at(lua_State* L, int index) {
  lua_replace(L, index);
  lua_settop(L, index);
  return true;
}

// Pushes the name that the function at the top has in the modules that are loaded; false (and
// nothing pushed) when it has none.
bool push_module_name(lua_State* L) {
  const int function = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  const int modules = function + 1;
  lua_getfield(L, modules, "skynet");
  if (const char* name = key_of(L, function)) {
    lua_pushfstring(L, "skynet.%s", name);
    return leave_at(L, modules);
  }
  lua_settop(L, modules);
  for (lua_pushnil(L); lua_next(L, modules) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || is_internal(lua_tostring(L, -2))) continue;
    if (lua_rawequal(L, -1, function)) {  // the module is nothing but this function
      lua_pushvalue(L, -2);
      return leave_at(L, modules);
    }
    const char* module = lua_tostring(L, -2);
    const char* name = key_of(L, function);
    if (name == nullptr) continue;
    if (std::string_view(module) == "_G") {
      lua_pushstring(L, name);
    } else {
      lua_pushfstring(L, "%s.%s", module, name);
    }
    return leave_at(L, modules);
  }
  // What skynet.lua puts a function of its own in front of, on LuaJIT.
  for (const char* module : kInternalModules) {
    lua_getfield(L, modules, module);
    if (const char* name = key_of(L, function)) {
      lua_pushfstring(L, "skynet.%s", name);
      return leave_at(L, modules);
    }
    lua_settop(L, modules);
  }
  lua_settop(L, function);
  return false;
}

// The same for a method of the object that is the first argument, TYPE:NAME; or TYPE if that object was called.
bool push_method_name(lua_State* L, bool* object_called) {
  const int function = lua_gettop(L);
  if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1)) return false;
  const int type = function + 1;
  lua_getfield(L, type, "__call");
  *object_called = lua_rawequal(L, -1, function);
  lua_getfield(L, type, "__index");
  const char* name = key_of(L, function);
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  const char* type_name = *object_called || name != nullptr ? key_of(L, type) : nullptr;
  if (type_name != nullptr) {
    lua_pushstring(L, type_name);
    if (!*object_called) lua_pushfstring(L, "%s:%s", type_name, name);
    return leave_at(L, type);
  }
  lua_settop(L, function);
  return false;
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
  bool object_called = false;
  if (push_module_name(L) || push_method_name(L, &object_called)) name = lua_tostring(L, -1);
  if (object_called) --index;
  return luaL_error(L, "bad argument #%d to '%s' (%s)", index, name, text);
}

int check_option(lua_State* L, int index, const char* otherwise, const char* const* options) {
  const char* text = otherwise != nullptr ? opt_lstring(L, index, otherwise, nullptr)
                                          : check_lstring(L, index, nullptr);
  for (int i = 0; options[i] != nullptr; ++i) {
    if (std::strcmp(options[i], text) == 0) return i;
  }
  return argument_error(L, index, lua_pushfstring(L, "invalid option '%s'", text));
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
