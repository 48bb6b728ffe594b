// Sending from Lua: addresses and payloads as programs write them.
#pragma once

#include "core/send.h"
#include "lua/engine.h"
#include "lua/raw_stack.h"
#include "lua/seri.h"

namespace runtime::RUNTIME_ENGINE {

// The payload at `index`, as check_payload() gives it, if it is what skynet.pack makes of values: a light userdata and a size
// of less than 4 GB. False: nothing is done.
inline bool take_packed(lua_State* L, int index, Packed* payload) {
  const RawValues values(L);
  const RawValue* const number = values.find(index + 1);
  const std::uint32_t size = plain_uint32(number);
  if (size == 0 || !is_index(*number, size) || !values.find(index)->is_pointer()) return false;
  *payload = {lua_touserdata(L, index), size};
  give_bytes(packed_bytes(payload->data));
  return true;
}

// The payload at `index`: a string (copied; the empty one is no memory), or a light userdata with
// its size behind it (ownership passes). Raises "invalid param T" for anything else.
Packed check_payload(lua_State* L, int index);

// Where a message goes: a handle; or, when that is 0, a name (":hex", ".name" or a global one),
// which is Lua's.
struct Destination {
  Handle handle;
  const char* name;
};

// The address at `index`: a number, a numeric string or a name. Raises for anything else.
Destination check_other_destination(lua_State* L, int index);
inline Destination check_destination(lua_State* L, RawValues values, int index) {
  if (const Handle handle = plain_uint32(values.find(index))) [[likely]]
    return {handle, nullptr};
  return check_other_destination(L, index);
}
inline Destination check_destination(lua_State* L, int index) {
  return check_destination(L, RawValues(L), index);
}

// send_to() for names and for what is too large.
int send_far(Service& service, Destination address, Handle source, int type, int session,
             Packed payload);

// Takes the payload in any case. `source` 0 is the service itself. The session; -1 if there is no
// such service, -2 if the message is too large.
inline int send_to(Service& service, Destination address, Handle source, int type, int session,
                   Packed payload) {
  if (address.handle == 0 || payload.size > kMaxMessageBytes) [[unlikely]]
    return send_far(service, address, source, type, session, payload);
  return send_given(
      service, address.handle,
      Message::make(source ? source : service.handle(), type, session, payload.data, payload.size));
}

// What send functions return for the result of send_to(): the session; nothing without such a
// service; false if too large.
inline int push_sent(lua_State* L, int result) {
  if (result == kNoDestination) return 0;
  if (result < 0) {
    lua_pushboolean(L, 0);
  } else {
    push_number(L, result);
  }
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
