// The service module `harbor`: messages to global names, and to services of other nodes.
//
// Launched as `harbor ID SLAVE`: the node's id, and the handle of the service that knows the names
// (.cslave). Messages to a name nobody has yet are kept until the slave tells its handle (`N NAME`,
// type PTYPE_HARBOR, source = the handle); it is asked with the text `Q NAME`.
#pragma once

#include "skynet.h"

extern "C" {
void* harbor_create(void);
int harbor_init(void* instance, skynet_context* context, const char* args);
void harbor_release(void* instance);
}
