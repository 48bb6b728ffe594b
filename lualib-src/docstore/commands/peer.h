// Who sends commands: a connection, or the process itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "docstore/commands/scram.h"

namespace runtime::docstore {

struct Peer {
  std::int64_t id = 0;
  std::string address;     // "127.0.0.1:40000"; nothing for the process itself
  bool is_inside = false;  // the process itself: need not log in
  bool is_logged_in = false;
  std::optional<ScramServer> conversation;
  std::int32_t conversation_id = 0;
  bool skips_last_step = false;  // it asked to: the log-in ends with the server's signature
};

}  // namespace runtime::docstore
