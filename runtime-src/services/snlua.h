// The service modules `snlua` and `snjit`: services written in Lua.
#pragma once

#include "core/environment.h"
#include "skynet.h"

namespace runtime {
// Whether the config gives LuaJIT to a service that is started as "NAME ARGUMENTS", or as "snaxd NAME ARGUMENTS": what the
// config says of NAME goes before what it says of snaxd.
bool wants_luajit(const Environment& environment, const char* args);
}  // namespace runtime

extern "C" {
// On the engine that the config gives to the script: `lua54` and `luajit`, lists of patterns, go
// before `engine`.
void* snlua_create(void);
int snlua_init(void* instance, skynet_context* context, const char* args);
void snlua_release(void* instance);
void snlua_signal(void* instance, int signal);

// Always on LuaJIT.
int snjit_init(void* instance, skynet_context* context, const char* args);
}
