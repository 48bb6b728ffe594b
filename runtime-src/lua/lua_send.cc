#include "lua/lua_send.h"

#include <cstdlib>

#include "core/send.h"
#include "lua/c_string.h"
#include "lua/raw_stack.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// The handle that the number at `index`, or the text of one, is; 0 if it is not a whole one.
Handle to_handle(lua_State* L, int index) {
#ifdef RUNTIME_LUA54
  return static_cast<Handle>(lua_tointeger(L, index));
#else
  std::int64_t value;
  return whole_number(lua_tonumber(L, index), &value) ? static_cast<Handle>(value) : 0;
#endif
}

}  // namespace

Packed check_payload(lua_State* L, int index) {
  const int type = lua_type(L, index);
  if (type == LUA_TLIGHTUSERDATA) {
    const Packed given{lua_touserdata(L, index),
                       static_cast<std::size_t>(luaL_checkinteger(L, index + 1))};
    give_bytes(packed_bytes(given.data));
    return given;
  }
  if (type == LUA_TSTRING) {
    std::size_t size;
    const char* text = lua_tolstring(L, index, &size);
    if (size == 0) return {nullptr, 0};
    auto* copy = static_cast<char*>(allocate_given(size + 1));
    if (copy == nullptr) luaL_error(L, "not enough memory");
    std::memcpy(copy, text, size);
    copy[size] = '\0';
    return {copy, size};
  }
  luaL_error(L, "invalid param %s", luaL_typename(L, index));
  return {};
}

Destination check_other_destination(lua_State* L, int index) {
  const int type = lua_type(L, index);
  if (type == LUA_TNUMBER) {
    const Handle handle = to_handle(L, index);
    if (handle == 0) luaL_error(L, "Invalid service address %s", luaL_tolstring(L, index, nullptr));
    return {handle, nullptr};
  }
  if (type != LUA_TSTRING) {
    luaL_error(L, "dest address type (%s) must be a string or number.", luaL_typename(L, index));
  }
  const char* name = check_c_string(L, index);
  // A numeric string counts as that number. Converting the value in place would change the
  // caller's.
  if (*name >= '0' && *name <= '9' && lua_isnumber(L, index)) {
    if (const Handle handle = to_handle(L, index)) return {handle, nullptr};
  }
  return {0, name};
}

int send_far(Service& service, Destination address, Handle source, int type, int session,
             Packed payload) {
  take_bytes(block_bytes(payload.data));
  skynet_context* context = service.context();
  type |= PTYPE_TAG_DONTCOPY;
  if (address.handle != 0) {
    return skynet_send(context, source, address.handle, type, session, payload.data, payload.size);
  }
  return skynet_sendname(context, source, address.name, type, session, payload.data, payload.size);
}

}  // namespace runtime::RUNTIME_ENGINE
