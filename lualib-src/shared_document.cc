#include "shared_document.h"

#include <vector>

#include "held.h"
#include "lua/shared_api.h"
#include "shared_table.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using share::ImageRef;
using share::Kind;

struct Handles {
  static constexpr const char* kLuaType = "shared.handles";
  std::vector<std::uint32_t> list;
};

}  // namespace

bool push_document(lua_State* L, std::string_view name, Kind kind) {
  luaL_checkstack(L, 8, nullptr);
  const int top = lua_gettop(L);
  ImageRef& image = push_held<HeldImage>(L).image;
  image = library(kind).find(name);
  for (;;) {
    if (!image) {
      lua_settop(L, top);
      return false;
    }
    move_document(L, nullptr, image, kind);
    push_shared_root(L, image, kind);
    // By now this service is a known holder. A version that came before that was not announced to
    // it.
    ImageRef now = library(kind).find(name);
    const bool current = now.get() == image.get();
    image = std::move(now);
    if (current) break;
    lua_settop(L, top + 1);
  }
  image = ImageRef();
  lua_replace(L, top + 1);
  return true;
}

void sync_document(lua_State* L, std::string_view name, Kind kind) {
  ImageRef& image = push_held<HeldImage>(L).image;
  image = library(kind).find(name);
  if (image) move_document(L, nullptr, image, kind);
  image = ImageRef();
  lua_pop(L, 1);
}

void move_document(lua_State* L, const share::Image* from, const ImageRef& to, Kind kind) {
  luaL_checkstack(L, 8, nullptr);
  const int top = lua_gettop(L);
  lua_newtable(L);
  const int left = top + 1;
  move_shared_faces(L, to, kind, left, from);
  lua_pushnil(L);
  while (stock_lua_next(L, left)) {
    lua_pop(L, 1);
    kill_shared_face(L, -1);
  }
  lua_settop(L, top);
}

void push_holders(lua_State* L, std::string_view name, Kind kind) {
  Handles& handles = push_held<Handles>(L);
  handles.list = library(kind).holders(name);
  lua_createtable(L, static_cast<int>(handles.list.size()), 0);
  int i = 0;
  for (const std::uint32_t handle : handles.list) {
    lua_pushnumber(L, handle);
    lua_rawseti(L, -2, ++i);
  }
  lua_remove(L, -2);
}

}  // namespace runtime::RUNTIME_ENGINE
