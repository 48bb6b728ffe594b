// The C service module wsgate: what the runtime looks for in cservice/wsgate.so.
#include "services/wsgate/gate.h"

#define RUNTIME_EXPORT extern "C" __attribute__((visibility("default")))

using runtime::wsgate::Gate;

RUNTIME_EXPORT void* wsgate_create(void) { return new Gate(); }

RUNTIME_EXPORT int wsgate_init(void* gate, skynet_context* context, const char* args) {
  return static_cast<Gate*>(gate)->init(context, args != nullptr ? args : "") ? 0 : 1;
}

RUNTIME_EXPORT void wsgate_release(void* gate) { delete static_cast<Gate*>(gate); }
