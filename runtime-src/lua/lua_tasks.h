// The functions of skynet.lua that are native: sending, calling, answering, waiting. Module "skynet.scheduler".
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// The module's opener. Makes the service's scheduler.
int open_scheduler(lua_State* L);

// function(type, message, size, session, source): handles one message. Given to skynet.core.callback it stands for the
// native dispatcher.
int l_dispatch_message(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
