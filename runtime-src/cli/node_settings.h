// What a node's environment says in numbers: read and checked once, before anything starts.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/environment.h"
#include "core/node.h"

namespace runtime {

struct NodeSettings {
  NodeOptions node;  // but for builtin_modules, which the caller adds
  int socket_threads = 1;
  std::chrono::milliseconds flush_time{};  // for what is queued on sockets when the node ends
  std::chrono::milliseconds drain_time{};  // for a node of a cluster to answer what is under way

  std::vector<std::string>
      errors;  // a line for each value that is none; the rest is of no use then
};

// The value of a key, or `otherwise` when it is not set.
std::string text(const Environment& environment, const char* key, const char* otherwise);

// `environment` has the defaults of load_config().
NodeSettings read_settings(const Environment& environment);

}  // namespace runtime
