// What can be told of a link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace runtime::cluster {

struct LinkStatus {
  const char* state;      // a static text
  std::uint64_t since;    // 1/100 s: when it got into this state
  std::string address;    // of the other node; empty: not known
  std::string tls;        // the version; "handshake"; empty: plain
  std::size_t in_flight;  // requests without an answer
  std::uint64_t bytes_in, bytes_out, requests, errors, connections;
  const char* compression;            // Outbox::compression()
  std::uint64_t saved_in, saved_out;  // bytes that it has spared
  std::string last_error;
};

}  // namespace runtime::cluster
