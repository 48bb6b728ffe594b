// The lines that traced requests leave in the log: "<TRACE tag> NANOSECONDS text".
#pragma once

#include <string>
#include <string_view>

#include "skynet.h"

namespace runtime::cluster {

void log_trace(skynet_context* context, std::string_view tag, std::string_view text);

// This node, as trace tags name it: the host's name, blanks as _, and the process id.
std::string node_name();

}  // namespace runtime::cluster
