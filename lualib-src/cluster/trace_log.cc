#include "cluster/trace_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"

namespace runtime::cluster {

void log_trace(skynet_context* context, std::string_view tag, std::string_view text) {
  const std::string line = fmt::format("<TRACE {}> {} {}", tag, monotonic_ns(), text);
  skynet_error(context, "%*s", static_cast<int>(line.size()), line.c_str());
}

std::string node_name() {
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  std::string name = host;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name + std::to_string(getpid());
}

}  // namespace runtime::cluster
