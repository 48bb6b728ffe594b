// The node that the C plugin interface serves. C functions such as skynet_getenv name no node:
// there is one.
#pragma once

#include "core/node.h"

namespace runtime::api {

// Before the first service is launched; `node` outlives all of them.
void attach(Node& node);
Node& node();

}  // namespace runtime::api
