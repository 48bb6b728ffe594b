#include "shared_table.h"

#include <skynet.h>

#include "shared_face.h"
#include "shared_value.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using share::Image;
using share::Key;
using share::Kind;
using share::Table;
using share::Type;
using share::Value;

// Registry key, by its address: weak table, Image -> thin metatable.
const char spaces_key = 0;

// ---- what the C API reads -----------------------------------------------------------------------

void access_get(lua_State* L, int index, const void* node) {
  const auto* table = static_cast<const Table*>(node);
  Key key;
  const std::uint32_t slot = to_shared_key(L, -1, &key) ? table->find(key) : Table::kNone;
  lua_pop(L, 1);
  if (slot == Table::kNone) {
    lua_pushnil(L);
  } else {
    push_shared_value(L, table->value(slot), index);
  }
}

int access_next(lua_State* L, int index, const void* node) {
  const auto* table = static_cast<const Table*>(node);
  std::uint32_t slot = 0;
  if (!lua_isnil(L, -1)) {
    Key key;
    slot = to_shared_key(L, -1, &key) ? table->find(key) : Table::kNone;
    if (slot == Table::kNone) return luaL_error(L, "invalid key to 'next'");
    ++slot;
  }
  lua_pop(L, 1);
  while (slot < table->slots() && table->value(slot).type == Type::nil) ++slot;
  if (slot == table->slots()) return 0;
  const Value key = table->key(slot);
  if (!push_plain_key(L, key)) push_shared_value(L, key, index);
  push_shared_value(L, table->value(slot), index);
  return 1;
}

std::size_t access_length(const void* node) { return static_cast<const Table*>(node)->length(); }

constexpr SharedAccess kAccess = {access_next, access_get, access_length};

// ---- spaces -------------------------------------------------------------------------------------

int l_release_space(lua_State* L) {
  auto* space = static_cast<SharedSpace*>(lua_touserdata(L, 1));
  if (space->image && space->image->lineage() != 0) {
    library(space->kind).let_go(space->image->lineage(), space->service);
  }
  space->image = share::ImageRef();
  return 0;
}

// Pushes the thin metatable of an image, the one there is or a new one.
void push_thin(lua_State* L, const share::ImageRef& image, Kind kind) {
  luaL_checkstack(L, 16, nullptr);
  stock_rawgetp(L, LUA_REGISTRYINDEX, &spaces_key);
  stock_rawgetp(L, -1, image.get());
  if (!lua_isnil(L, -1)) {
    lua_remove(L, -2);
    return;
  }
  lua_pop(L, 1);
  const int spaces = lua_gettop(L);

  void* block = lua_newuserdatauv(L, sizeof(SharedSpace), 0);
  luaL_getmetatable(L, SharedSpace::kLuaType);
  auto* space = new (block) SharedSpace{share::ImageRef(), kind, skynet_current_handle()};
  stock_lua_setmetatable(L, -2);
  const int space_index = lua_gettop(L);
  space->image = image;
  if (image->lineage() != 0) library(kind).hold(image->lineage(), space->service);

  push_thin_metatable(L, space_index);
  lua_pushvalue(L, -1);
  stock_rawsetp(L, spaces, image.get());
  lua_replace(L, spaces);
  lua_settop(L, spaces);
}

// Moves the faces of the thin metatable at the top of the stack to `image`, whose view is `to`.
void move_faces(lua_State* L, const Image& image, SharedView to, int left) {
  const int faces = push_view(L, lua_gettop(L)).faces;
  lua_pushnil(L);
  while (stock_lua_next(L, faces)) {
    const int face = lua_gettop(L);
    const auto* table = static_cast<const Table*>(lua_touserdata(L, face - 1));
    const Table* place = same_place(table, image);
    bool taken = false;
    if (place != nullptr) {
      stock_rawgetp(L, to.faces, place);
      taken = !lua_isnil(L, -1);
      if (!taken) lua_pop(L, 1);
    } else {
      lua_pushboolean(L, 0);
    }
    if (place == nullptr || taken) {
      lua_pushvalue(L, face);
      lua_insert(L, -2);
      stock_lua_rawset(L, left);
    } else {
      move_face(L, face, place, to);
      lua_pushnil(L);
      stock_rawsetp(L, faces, table);
    }
    lua_settop(L, face - 1);
  }
  lua_pop(L, 1);
}

}  // namespace

void open_shared_tables(lua_State* L) {
  if (!luaL_newmetatable(L, SharedSpace::kLuaType)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushcfunction(L, l_release_space);
  lua_setfield(L, -2, "__gc");
  push_weak_values(L);
  stock_rawsetp(L, LUA_REGISTRYINDEX, &spaces_key);
  lua_pop(L, 1);
  set_shared_access(&kAccess);
}

void push_shared_spaces(lua_State* L) { stock_rawgetp(L, LUA_REGISTRYINDEX, &spaces_key); }

void push_shared_root(lua_State* L, const share::ImageRef& image, Kind kind) {
  push_thin(L, image, kind);
  const int thin = lua_gettop(L);
  push_face(L, image->root(), push_view(L, thin));
  lua_replace(L, thin);
  lua_settop(L, thin);
}

void move_shared_faces(lua_State* L, const share::ImageRef& image, Kind kind, int left,
                       const Image* from) {
  const int top = lua_gettop(L);
  push_thin(L, image, kind);  // before the traversal, as it adds to what is traversed
  const SharedView to = push_view(L, top + 1);
  stock_rawgetp(L, LUA_REGISTRYINDEX, &spaces_key);
  lua_pushnil(L);
  while (stock_lua_next(L, top + 3)) {
    const SharedSpace& space = space_of(L, lua_gettop(L));
    const Image* other = space.image.get();
    const bool older = from != nullptr ? other == from : other->lineage() == image->lineage();
    if (space.kind == kind && older && other != image.get()) move_faces(L, *image.get(), to, left);
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}

void push_shared_names(lua_State* L, Kind kind) {
  luaL_checkstack(L, 8, nullptr);
  lua_newtable(L);
  const int names = lua_gettop(L);
  stock_rawgetp(L, LUA_REGISTRYINDEX, &spaces_key);
  lua_pushnil(L);
  while (stock_lua_next(L, names + 1)) {
    const SharedSpace& space = space_of(L, lua_gettop(L));
    if (space.kind == kind && space.image->lineage() != 0) {
      lua_pushnumber(L, static_cast<lua_Number>(space.image->lineage()));
      lua_pushlstring(L, space.image->name().data(), space.image->name().size());
      stock_lua_rawset(L, names);
    }
    lua_pop(L, 1);
  }
  lua_settop(L, names);
}

}  // namespace runtime::RUNTIME_ENGINE
