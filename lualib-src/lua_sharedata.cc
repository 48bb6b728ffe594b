// require "skynet.sharedata.core": what lualib/skynet/sharedata.lua, its corelib and its service
// are made of.
//
// Documents have names, and are the process's. An image without a name is known by its address, a
// light userdata, and its references are counted by hand, as skynet.sharedata.corelib has it.
#include "held.h"
#include "shared_document.h"
#include "shared_image.h"
#include "shared_table.h"
#include "shared_value.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

using share::Image;
using share::ImageRef;
using share::Kind;

namespace {

ImageRef take_image(lua_State* L, int index) {
  return std::move(make_image(L, index, Kind::data)->image);
}

// added = add(name, table): false when the name is taken
int l_add(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_pushboolean(L, library(Kind::data).add(name, take_image(L, 2)));
  return 1;
}

// replace(name, table)
int l_replace(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  library(Kind::data).replace(name, take_image(L, 2));
  return 0;
}

// removed = remove(name)
int l_remove(lua_State* L) {
  lua_pushboolean(L, library(Kind::data).remove(check_string(L, 1)));
  return 1;
}

// object = query(name); no value when the name is unknown
int l_query(lua_State* L) { return push_document(L, check_string(L, 1), Kind::data) ? 1 : 0; }

// sync(name): moves the objects of this service to the current version
int l_sync(lua_State* L) {
  sync_document(L, check_string(L, 1), Kind::data);
  return 0;
}

// sync_all()
int l_sync_all(lua_State* L) {
  push_shared_names(L, Kind::data);
  const int names = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, names)) {
    sync_document(L, check_string(L, -1), Kind::data);
    lua_pop(L, 1);
  }
  return 0;
}

// handles = holders(name)
int l_holders(lua_State* L) {
  push_holders(L, check_string(L, 1), Kind::data);
  return 1;
}

// Pushes an ordinary copy of what is at the keys from stack index `first` on; nil when there is
// nothing.
void push_copy(lua_State* L, const Image& image, int first) {
  share::Value value = share::Value::of(image.root());
  const int last = lua_gettop(L);
  for (int i = first; i <= last; ++i) {
    share::Key key;
    const bool known = value.type == share::Type::table && to_shared_key(L, i, &key);
    const std::uint32_t slot = known ? value.table->find(key) : share::Table::kNone;
    value = slot == share::Table::kNone ? share::Value() : value.table->value(slot);
  }
  if (value.type == share::Type::table) {
    push_plain_copy(L, value.table);
  } else {
    push_shared_value(L, value, 0);  // no table, so no face is needed
  }
}

// found, value = copy(name, key, ...)
int l_copy(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  ImageRef& image = push_held<HeldImage>(L).image;
  lua_insert(L, 2);
  image = library(Kind::data).find(name);
  if (!image) return 0;
  push_copy(L, *image.get(), 3);
  image = ImageRef();
  lua_pushboolean(L, 1);
  lua_insert(L, -2);
  return 2;
}

// ---- images by address --------------------------------------------------------------------------

const Image* check_image(lua_State* L, int index) {
  luaL_checktype(L, index, LUA_TLIGHTUSERDATA);
  const auto* image = static_cast<const Image*>(lua_touserdata(L, index));
  luaL_argcheck(L, image != nullptr, index, "a null pointer");
  return image;
}

ImageRef reference(const Image* image) {
  image->retain();
  return ImageRef(image);
}

// pointer = host_new(table): with one reference
int l_host_new(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushlightuserdata(L, const_cast<Image*>(take_image(L, 1).take()));
  return 1;
}

// count = host_incref(pointer), host_decref(pointer), host_getref(pointer)
int l_host_incref(lua_State* L) {
  const Image* image = check_image(L, 1);
  image->retain();
  lua_pushinteger(L, static_cast<lua_Integer>(image->references()));
  return 1;
}
int l_host_decref(lua_State* L) {
  const Image* image = check_image(L, 1);
  const std::size_t left = image->references() - 1;
  image->release();
  lua_pushinteger(L, static_cast<lua_Integer>(left));
  return 1;
}
int l_host_getref(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(check_image(L, 1)->references()));
  return 1;
}

// object = box(pointer)
int l_box(lua_State* L) {
  ImageRef& image = push_held<HeldImage>(L).image;
  image = reference(check_image(L, 1));
  push_shared_root(L, image, Kind::data);
  image = ImageRef();
  return 1;
}

// update(object, pointer): the object and all of its parts show another image from now on
int l_update(lua_State* L) {
  const share::Table* table = shared_table(L, 1);
  luaL_argcheck(L, table != nullptr, 1, "shared object expected");
  ImageRef& image = push_held<HeldImage>(L).image;
  image = reference(check_image(L, 2));
  move_document(L, &table->image(), image, Kind::data);
  image = ImageRef();
  return 0;
}

// value = copy_image(pointer, key, ...)
int l_copy_image(lua_State* L) {
  const Image* image = check_image(L, 1);
  push_copy(L, *image, 2);
  return 1;
}

}  // namespace

int open_sharedata(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"add", l_add},
      {"replace", l_replace},
      {"remove", l_remove},
      {"query", l_query},
      {"sync", l_sync},
      {"sync_all", l_sync_all},
      {"holders", l_holders},
      {"copy", l_copy},
      {"host_new", l_host_new},
      {"host_incref", l_host_incref},
      {"host_decref", l_host_decref},
      {"host_getref", l_host_getref},
      {"box", l_box},
      {"update", l_update},
      {"copy_image", l_copy_image},
      {nullptr, nullptr},
  };
  open_shared_tables(L);
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
