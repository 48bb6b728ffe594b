// The opening handshake of RFC 6455, 4.2, as the server sees it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "services/wsgate/options.h"

namespace runtime::wsgate {

// A longer head of a request is refused; cookies and tokens may be long.
constexpr std::size_t kMaxHead = 16 * 1024;

struct Handshake {
  int status = 0;      // 101: from now on there are frames
  std::string answer;  // all of it
  std::string real_ip;
  bool deflate = false;           // permessage-deflate was agreed on, ...
  bool forgets_sent = false;      // ... with server_no_context_takeover
  bool forgets_received = false;  // ... with client_no_context_takeover
};

// `head` with the empty line that ends it.
Handshake answer_request(std::string_view head, const Options& options);

// The whole answer to a request that is refused.
std::string refusal(int status);

}  // namespace runtime::wsgate
