// The service module `gate`: packages with a length in front, from many connections, for other
// services. docs/gates.md has its parameters, commands and messages.
#pragma once

#include "skynet.h"

extern "C" {
void* gate_create(void);
int gate_init(void* instance, skynet_context* context, const char* args);
void gate_release(void* instance);
}
