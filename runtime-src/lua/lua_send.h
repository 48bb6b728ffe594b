// Sending from Lua: addresses and payloads as programs write them.
#pragma once

#include "core/service.h"
#include "lua/engine.h"
#include "seri.h"

namespace runtime::RUNTIME_ENGINE {

// The payload at `index`: a string (copied; the empty one is no memory), or a light userdata with its size behind it
// (ownership passes). Raises "invalid param T" for anything else.
Packed check_payload(lua_State* L, int index);

// Sends to the address at `index`: a number, a numeric string, ":hex", ".name" or a global name. Takes the payload in
// any case. The session; -1 if there is no such service, -2 if the message is too large. Raises for what is no address.
int send_to(lua_State* L, Service& service, int index, Handle source, int type, int session, Packed payload);

// What send functions return for the result of send_to(): the session; nothing without such a service; false if too large.
int push_sent(lua_State* L, int result);

// Raises for what is no address, before anything is packed for it.
void check_address(lua_State* L, int index);

// The address at `index` if it is a handle or a numeric string; else 0.
Handle to_handle(lua_State* L, int index);

}  // namespace runtime::RUNTIME_ENGINE
