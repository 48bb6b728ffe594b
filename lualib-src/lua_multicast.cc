// skynet.multicast.core: messages that many services get and nobody copies (multicast_package.h).
//
// A box is a light userdata and its size, as a message has them. unpack() leaves the box to whoever
// owns that message; bind(), remote() and publish() free it.
#include <cstdlib>
#include <cstring>
#include <span>

#include "core/multicast_package.h"
#include "lua/engine.h"
#include "skynet.h"
#include "skynet_server.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

// The calling service: upvalue 1 of publish().
skynet_context* context_of(lua_State* L) {
  return static_cast<skynet_context*>(lua_touserdata(L, lua_upvalueindex(1)));
}

MulticastPackage* check_box(lua_State* L, int index) {
  luaL_checktype(L, index, LUA_TLIGHTUSERDATA);
  MulticastPackage* package = package_in(lua_touserdata(L, index), kMulticastBoxBytes);
  if (package == nullptr) luaL_argerror(L, index, "no multicast package");
  return package;
}

std::uint32_t check_size(lua_State* L, int index) {
  const lua_Integer size = luaL_checkinteger(L, index);
  luaL_argcheck(L, size >= 0 && size <= 0xffffffff, index, "no size of a message");
  return static_cast<std::uint32_t>(size);
}

void* new_box(const MulticastPackage* package) {
  void* box = std::malloc(kMulticastBoxBytes);
  RUNTIME_CHECK(box != nullptr, "out of memory");
  const std::uint64_t content = box_of(package);
  std::memcpy(box, &content, sizeof(content));
  return box;
}

int push_box(lua_State* L, void* data, std::uint32_t size) {
  lua_pushlightuserdata(L, new_box(make_package(data, size)));
  lua_pushinteger(L, static_cast<lua_Integer>(kMulticastBoxBytes));
  return 2;
}

// pack(message, size) -> box, size. Takes the message.
int l_pack(lua_State* L) {
  if (!lua_isnil(L, 1)) luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  return push_box(L, lua_touserdata(L, 1), check_size(L, 2));
}

// packremote(message, size) -> box, size. Copies the message.
int l_packremote(lua_State* L) {
  if (!lua_isnil(L, 1)) luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  const std::uint32_t size = check_size(L, 2);
  const void* message = lua_touserdata(L, 1);
  void* copy = nullptr;
  if (size > 0) {
    luaL_argcheck(L, message != nullptr, 1, "a message is wanted");
    copy = std::malloc(size);
    if (copy == nullptr) return luaL_error(L, "not enough memory");
    std::memcpy(copy, message, size);
  }
  return push_box(L, copy, size);
}

// unpack(box, size) -> package, message, size
int l_unpack_box(lua_State* L) {
  const lua_Integer size = luaL_checkinteger(L, 2);
  if (size != static_cast<lua_Integer>(kMulticastBoxBytes)) {
    return luaL_error(L, "Invalid multicast package size %d", static_cast<int>(size));
  }
  MulticastPackage* package = check_box(L, 1);
  lua_pushlightuserdata(L, package);
  lua_pushlightuserdata(L, package->data);
  lua_pushinteger(L, package->size);
  return 3;
}

// bind(box, receivers) -> package
int l_bind(lua_State* L) {
  MulticastPackage* package = check_box(L, 1);
  const auto receivers = static_cast<std::int32_t>(luaL_checkinteger(L, 2));
  luaL_argcheck(L, receivers >= 0, 2, "a number of receivers is wanted");
  if (!bind_package(package, receivers)) {
    return luaL_error(L, "Can't bind a multicast package more than once");
  }
  std::free(lua_touserdata(L, 1));
  lua_pushlightuserdata(L, package);
  return 1;
}

// close(package)
int l_close(lua_State* L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  auto* package = static_cast<MulticastPackage*>(lua_touserdata(L, 1));
  luaL_argcheck(L, package != nullptr, 1, "no multicast package");
  std::int32_t left = 0;
  if (!close_package(package, &left)) {
    return luaL_error(L, "Invalid multicast package reference %d", static_cast<int>(left));
  }
  return 0;
}

// remote(box) -> message, size: the message is the caller's, the package is gone
int l_remote(lua_State* L) {
  MulticastPackage* package = check_box(L, 1);
  luaL_argcheck(L, package->receivers.load() == 0, 1, "the package is bound");
  lua_pushlightuserdata(L, package->data);
  lua_pushinteger(L, package->size);
  std::free(lua_touserdata(L, 1));
  package->data = nullptr;
  free_package(package);
  return 2;
}

// Sends the package to each of the services; those that do not exist are moved to the front. Returns
// how many these are.
std::int32_t send_to_all(skynet_context* context, MulticastPackage* package, int channel,
                         std::uint32_t source, std::span<std::uint32_t> services) noexcept {
  std::int32_t gone = 0;
  std::int32_t left;
  runtime_hold_messages();
  for (const std::uint32_t service : services) {
    if (service != 0 && skynet_send(context, source, service, PTYPE_MULTICAST | PTYPE_TAG_DONTCOPY,
                                    channel, new_box(package), kMulticastBoxBytes) >= 0) {
      continue;
    }
    close_package(package, &left);
    services[static_cast<std::size_t>(gone++)] = service;
  }
  runtime_release_messages();
  return gone;
}

// publish(box, channel, source, list) -> list of those in the list that do not exist, or nothing.
// Sends the package to each service of the list. Not in skynet.
int l_publish(lua_State* L) {
  MulticastPackage* package = check_box(L, 1);
  const auto channel = static_cast<int>(luaL_checkinteger(L, 2));
  const auto source = static_cast<std::uint32_t>(luaL_checkinteger(L, 3));
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  const std::size_t count = lua_rawlen(L, 4);
  luaL_argcheck(L, count < INT32_MAX, 4, "too many receivers");
  auto* const services =
      static_cast<std::uint32_t*>(lua_newuserdatauv(L, sizeof(std::uint32_t) * (count + 1), 0));
  for (std::size_t i = 0; i < count; ++i) {
    lua_rawgeti(L, 4, static_cast<int>(i + 1));
    services[i] = static_cast<std::uint32_t>(lua_tointeger(L, -1));
    lua_pop(L, 1);
  }
  // One more, so that it is not gone before the last one has been sent.
  if (!bind_package(package, static_cast<std::int32_t>(count) + 1)) {
    return luaL_error(L, "Can't bind a multicast package more than once");
  }
  std::free(lua_touserdata(L, 1));
  const std::int32_t gone = send_to_all(context_of(L), package, channel, source, {services, count});
  std::int32_t left;
  close_package(package, &left);
  if (gone == 0) return 0;
  lua_createtable(L, gone, 0);
  for (std::int32_t i = 0; i < gone; ++i) {
    lua_pushinteger(L, services[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

// nextid(id) -> the number of the next channel of the same node
int l_nextid(lua_State* L) {
  const auto id = static_cast<std::uint32_t>(luaL_checkinteger(L, 1));
  lua_pushinteger(L, (id + 256) & 0x7fffffff);
  return 1;
}

}  // namespace

int open_multicast(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"pack", l_pack},     {"packremote", l_packremote}, {"unpack", l_unpack_box},
      {"bind", l_bind},     {"close", l_close},           {"remote", l_remote},
      {"nextid", l_nextid}, {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  lua_pushcclosure(L, l_publish, 1);
  lua_setfield(L, -2, "publish");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
