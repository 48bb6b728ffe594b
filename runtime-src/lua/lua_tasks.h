// The functions of skynet.lua that are native: sending, calling, answering, waiting. Module "skynet.scheduler".
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

class TaskScheduler;

// The module's opener. The service's scheduler is made here, once a state, and lives in the state.
int open_scheduler(lua_State* L);

// function(type, message, size, session, source): handles one message. Given to skynet.core.callback it stands for the
// native dispatcher.
int l_dispatch_message(lua_State* L);

// The state's scheduler, or null while nobody has required the module.
TaskScheduler* task_scheduler(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
