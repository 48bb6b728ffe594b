// The launch string of wsgate:
//
//   <style> <watchdog> <address> <tag> <max> [key=value ...]
//
// The first five are those of the C service gate; docs/wsgate.md describes them all.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace runtime::wsgate {

enum class Overflow { close, drop };

struct Options {
  bool is_secure = false;  // style wss
  std::string watchdog;    // a name or handle as text; empty: none
  std::string host;        // empty: all interfaces
  int port = 0;            // 0: the system chooses
  int tag = 0;             // message type of packages; 0 is client
  int max_connections = 0;

  bool deflate = false;
  bool sends_text = false;
  bool trusts_proxy = false;                   // the peer is who X-Real-IP says
  std::size_t max_message = 256 * 1024;        // of a peer, in bytes
  std::size_t max_unsent = 1024 * 1024;        // for a peer, in bytes
  Overflow overflow = Overflow::close;         // what happens beyond max_unsent
  std::chrono::seconds ping{30};               // after so long without a sign of life; 0: never
  std::chrono::seconds timeout{10};            // for a handshake, an answer to a ping, a last write
  std::vector<std::string> origins;            // empty: any
  std::string path;                            // empty: any
  std::vector<std::string> protocols{"chat"};  // sub-protocols that a client may ask for
  int threads = 1;
  std::string certificate;  // files; empty: what the config says
  std::string private_key;
};

// Fills *options; the reason why it cannot, or an empty text.
std::string parse_options(std::string_view text, Options* options);

}  // namespace runtime::wsgate
