#include "shared_matrix.h"

#include <vector>

#include "held.h"
#include "object.h"
#include "share/exports.h"
#include "shared_table.h"
#include "shared_value.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

struct Matrix {
  static constexpr const char* kLuaType = "sharetable.matrix";
  ~Matrix() { close(); }
  void close() {
    if (image) share::exports().remove(image.get());
    image = share::ImageRef();
  }
  share::ImageRef image;  // none after close()
};

struct Making {
  static constexpr const char* kLuaType = "sharetable.making";
  std::vector<SharedArgument> arguments;
  SharedResult result;
};

// An argument, which may also be a C function without upvalues.
SharedArgument check_argument(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TFUNCTION) return check_shared_argument(L, index);
  SharedArgument argument;
  const lua_CFunction function = lua_tocfunction(L, index);
  const bool light = function != nullptr && lua_getupvalue(L, index, 1) == nullptr;
  luaL_argcheck(L, light, index, "a function that is not of C, or has upvalues");
  argument.value = share::Value::of(reinterpret_cast<void*>(function));
  argument.is_function = true;
  argument.engine = kEngine;
  return argument;
}

int l_matrix(lua_State* L) {
  const std::string_view text = check_string(L, 1);
  const int count = lua_gettop(L);
  SharedSource source;
  source.is_text = !text.starts_with('@');
  source.name = source.is_text ? "matrix" : text.substr(1);
  source.text = text;
  Matrix& matrix = push_object<Matrix>(L);
  Making& making = push_held<Making>(L);
  for (int i = 2; i <= count; ++i) making.arguments.push_back(check_argument(L, i));
  source.arguments = making.arguments;
  making.result = load_shared_source(source);
  if (!making.result.image) {
    lua_pushlstring(L, making.result.error.data(), making.result.error.size());
    return lua_error(L);
  }
  matrix.image = std::move(making.result.image);
  share::exports().add(matrix.image);
  lua_pop(L, 1);
  return 1;
}

const share::Image* check_open(lua_State* L) {
  const share::Image* image = self<Matrix>(L, 1).image.get();
  luaL_argcheck(L, image != nullptr, 1, "the matrix is closed");
  return image;
}

int l_getptr(lua_State* L) {
  lua_pushlightuserdata(L, const_cast<share::Image*>(check_open(L)));
  return 1;
}

int l_size(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(check_open(L)->bytes()));
  return 1;
}

int l_close(lua_State* L) {
  self<Matrix>(L, 1).close();
  return 0;
}

int l_clone(lua_State* L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  share::ImageRef& image = push_held<HeldImage>(L).image;
  image = share::exports().find(lua_touserdata(L, 1));
  luaL_argcheck(L, static_cast<bool>(image), 1, "no open matrix has this pointer");
  push_shared_root(L, image, share::Kind::tables);
  image = share::ImageRef();
  return 1;
}

int l_is_sharedtable(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, shared_table(L, 1) != nullptr);
  return 1;
}

int l_stackvalues(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_State* co = lua_tothread(L, 1);
  const int count = co == L ? 0 : lua_gettop(co);  // that of the caller itself is its locals
  if (count != 0 && !lua_checkstack(co, 1)) return luaL_error(L, "the coroutine's stack is full");
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(co, i);
    lua_xmove(co, L, 1);
    lua_rawseti(L, 2, i);
  }
  lua_pushinteger(L, count);
  return 1;
}

}  // namespace

SharedArgument check_shared_argument(lua_State* L, int index) {
  SharedArgument argument;
  switch (lua_type(L, index)) {
    case LUA_TNIL: break;
    case LUA_TBOOLEAN: argument.value = share::Value::of(lua_toboolean(L, index) != 0); break;
    case LUA_TLIGHTUSERDATA: argument.value = share::Value::of(lua_touserdata(L, index)); break;
    default: {
      std::int64_t whole = 0;
      if (to_kept_integer(L, index, &whole)) {
        argument.value = share::Value::of(whole);
      } else if (lua_type(L, index) == LUA_TNUMBER) {
        argument.value = share::Value::of(static_cast<double>(lua_tonumber(L, index)));
      } else {
        luaL_error(L, "a %s can't be an argument of a shared table", luaL_typename(L, index));
      }
    }
  }
  return argument;
}

void add_matrix_functions(lua_State* L) {
  static constexpr luaL_Reg kMethods[] = {
      {"getptr", l_getptr}, {"size", l_size}, {"close", l_close}, {nullptr, nullptr}};
  static constexpr luaL_Reg kMakers[] = {{"matrix", l_matrix}, {nullptr, nullptr}};
  static constexpr luaL_Reg kFunctions[] = {{"clone", l_clone},
                                            {"is_sharedtable", l_is_sharedtable},
                                            {"stackvalues", l_stackvalues},
                                            {nullptr, nullptr}};
  define_type<Matrix>(L, kMethods);
  set_functions<Matrix>(L, kMakers);
  luaL_setfuncs(L, kFunctions, 0);
}

}  // namespace runtime::RUNTIME_ENGINE
