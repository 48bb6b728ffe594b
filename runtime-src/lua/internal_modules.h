// The modules that have functions of `skynet` under another name. What tells a name to people (errors in
// arguments.cc, tracebacks in traceback_api.cc) says skynet.NAME for them.
#pragma once

namespace runtime {

constexpr const char* kInternalModules[] = {"skynet.native", "skynet.manager", "skynet.scheduler"};

}  // namespace runtime
