#include "share/source.h"
#include "shared_image.h"
#include "shared_value.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

struct Job {
  const SharedSource* source;
  SharedResult* result;
};

void push_argument(lua_State* L, const SharedArgument& argument) {
  const share::Value& value = argument.value;
  if (argument.is_function) {
    if (argument.engine != kEngine) luaL_error(L, "a function of the other engine as an argument");
    lua_pushcfunction(L, reinterpret_cast<lua_CFunction>(value.pointer));
    return;
  }
  switch (value.type) {
    case share::Type::boolean: lua_pushboolean(L, value.bits != 0); break;
    case share::Type::integer: push_int64(L, value.integer); break;
    case share::Type::number: lua_pushnumber(L, value.number); break;
    case share::Type::pointer: lua_pushlightuserdata(L, value.pointer); break;
    default: lua_pushnil(L);
  }
}

// (job): runs the source and shares its result. All that may raise is in here.
int l_run(lua_State* L) {
  const auto* job = static_cast<const Job*>(lua_touserdata(L, 1));
  const SharedSource& source = *job->source;
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  luaL_openlibs(L);
  lua_pushlstring(L, source.name.data(), source.name.size());
  const char* name = lua_tostring(L, -1);
  int status = LUA_OK;
  if (source.is_text) {
    name = lua_pushfstring(L, "=%s", name);
    status = luaL_loadbuffer(L, source.text.data(), source.text.size(), name);
  } else {
    status = luaL_loadfile(L, name);
  }
  if (status != LUA_OK) return lua_error(L);
  luaL_checkstack(L, static_cast<int>(source.arguments.size()) + 4, "too many arguments");
  for (const SharedArgument& argument : source.arguments) push_argument(L, argument);
  lua_call(L, static_cast<int>(source.arguments.size()), 1);
  job->result->ran = true;
  if (lua_type(L, -1) != LUA_TTABLE) {
    return luaL_error(L, "%s: the result is a %s, not a table", lua_tostring(L, 2),
                      luaL_typename(L, -1));
  }
  job->result->image = std::move(make_image(L, -1, share::Kind::tables)->image);
  return 0;
}

}  // namespace

SharedResult run_shared_source(const SharedSource& source) noexcept {
  SharedResult result;
  lua_State* L = luaL_newstate();
  if (L == nullptr) {
    result.error = "not enough memory";
    return result;
  }
  Job job{&source, &result};
  lua_pushcfunction(L, l_run);
  lua_pushlightuserdata(L, &job);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    result.image = share::ImageRef();
    result.error = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "the error is no string";
  }
  lua_close(L);
  return result;
}

}  // namespace runtime::RUNTIME_ENGINE
