// A socket that listens.
#pragma once

#include <string>

namespace runtime::wsgate {

struct Listener {
  int fd = -1;
  std::string address;  // bound: "ip:port"
  std::string error;    // why there is none
};

// `host` is a name or a numeric address, empty for all interfaces; port 0 lets the system choose.
// The descriptor is the caller's.
Listener open_listener(const std::string& host, int port);

}  // namespace runtime::wsgate
