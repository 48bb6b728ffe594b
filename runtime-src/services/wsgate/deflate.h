// permessage-deflate (RFC 7692) for one connection.
//
// libwebsockets has an extension for it, but the one of the 4.1 series ends the process on an
// assertion when a peer sends a message that inflates by a lot; a peer must not be able to do that.
// So its frames pass through as they are, and whole messages are treated here.
//
// Threads: one at a time.
// Memory:  made with the first compressed message: about 44 KB for receiving, 32 KB for sending.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "services/wsgate/block.h"

namespace runtime::wsgate {

class Deflate {
 public:
  Deflate() = default;
  ~Deflate();
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;

  // What the peers agreed on: each message stands for itself.
  void forget_sent() { forgets_sent_ = true; }          // server_no_context_takeover
  void forget_received() { forgets_received_ = true; }  // client_no_context_takeover

  enum class Result { ok, too_large, malformed };
  // Inflates a message to at most `max` bytes; *out has a zero behind its *size bytes.
  Result inflate(std::string_view message, std::size_t max, Block* out, std::size_t* size) noexcept;

  // Appends the compressed message to *out.
  void deflate(std::string_view message, std::vector<unsigned char>* out) noexcept;

 private:
  bool forgets_sent_ = false;
  bool forgets_received_ = false;
  bool receives_ = false;  // receiver_ is made
  bool sends_ = false;     // sender_ is made
  z_stream receiver_{};
  z_stream sender_{};
};

}  // namespace runtime::wsgate
