// How fast the network takes what a TCP connection sends, as far as the kernel tells.
#pragma once

#include <cstdint>
#include <optional>

namespace runtime {

struct SendProgress {
  std::uint64_t bytes;    // that the peer's host has acknowledged so far
  std::uint64_t busy_us;  // while some were under way; in steps of the kernel's clock, 1 to 10 ms
};

// Of a descriptor; nothing if that is no TCP connection.
std::optional<SendProgress> send_progress(int fd);

}  // namespace runtime
