// The service module `harbor`: messages to global names, and to services of other nodes.
//
// Launched as `harbor ID SLAVE`: the node's id, and the handle of the service that knows the names
// and the nodes (.cslave). What is said between the two:
//
//   to it, type PTYPE_HARBOR
//     N NAME   source = the handle that the global name now stands for
//     S FD ID  a connection to node ID: it is told our id, and its answer is expected
//     A FD ID  a connection from node ID, which has told its id: it is told ours
//     D ID     node ID has left the network: nothing waits for it any longer
//   from it, type PTYPE_TEXT
//     Q NAME   who is this?
//     D ID     the connection to node ID has been lost
//
// Messages to a name without a handle are kept until it has one; messages to a node, until it is
// connected. Requests to a node that goes down, or is down, are answered with an error; other
// messages to it are dropped. Id 0 is a node on its own: the other nodes count as down.
#pragma once

#include "skynet.h"

extern "C" {
void* harbor_create(void);
int harbor_init(void* instance, skynet_context* context, const char* args);
void harbor_release(void* instance);
}
