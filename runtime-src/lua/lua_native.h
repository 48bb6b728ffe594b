// The native half of lualib/skynet.lua, as two modules. "skynet.native" is the table that
// skynet.lua completes and returns: what every service uses. "skynet.scheduler" has what its parts
// and sister modules work with.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// The modules' openers. The first one to run makes the service's scheduler.
int open_native(lua_State* L);
int open_scheduler(lua_State* L);

// For a state that others are copied from (state_image.h): leaves in it what the copies need of its
// scheduler; and in a copy: gives the service such a scheduler. May raise (memory).
void keep_scheduler(lua_State* L);
void take_kept_scheduler(lua_State* L);

// function(type, message, size, session, source): handles one message. Given to
// skynet.core.callback it stands for the native dispatcher.
int l_dispatch_message(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
