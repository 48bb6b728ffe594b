// How libwebsockets agrees with a client on permessage-deflate, without doing it (see deflate.h).
#pragma once

#include <libwebsockets.h>

namespace runtime::wsgate {

// For lws_context_creation_info. The Connection behind the user pointer of a socket gets a Deflate.
extern const lws_extension kExtensions[];

}  // namespace runtime::wsgate
