// One WebSocket connection, as its I/O thread knows it.
#pragma once

#include <libwebsockets.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "services/wsgate/block.h"
#include "services/wsgate/deflate.h"
#include "websocket/decoder.h"

namespace runtime::wsgate {

// The bytes of one message, or of a control frame that we send.
struct Package {
  Block bytes;
  std::size_t size = 0;
  int control = 0;  // its opcode; 0: a message
};

struct Connection {
  explicit Connection(lws* socket) : wsi(socket) {}

  lws* const wsi;
  std::string head;         // of the request, as far as it is here
  bool is_refused = false;  // and has been told so

  std::string address;       // of the peer: ip:port
  int id = 0;                // 0: the handshake is not done
  bool is_started = false;   // packages may be passed on
  bool is_paused = false;    // too much came before the start
  std::uint32_t agent = 0;   // packages go there; 0: to the watchdog
  std::uint32_t client = 0;  // and seem to come from there
  bool is_dirty = false;     // something was added to `unsent` and has not been tried yet

  // How it ends, step by step.
  bool is_closing = false;  // a close frame is the last of `unsent`
  bool is_over = false;     // the peer has nothing more to say; the end follows what is unsent
  bool is_shut = false;     // it has been told the end, and is waited for
  bool is_gone = false;     // the peer has ended, or is being cut

  std::unique_ptr<Deflate> deflate;  // if that was agreed on
  std::optional<websocket::Decoder> decoder;
  std::int64_t heard_ns = 0;  // the last sign of life
  bool is_pinged = false;     // since then

  // Messages that came before the start.
  std::deque<Package> early;
  std::size_t early_bytes = 0;

  std::deque<Package> unsent;
  std::size_t unsent_bytes = 0;
  // To libwebsockets, the last time; it keeps what the socket does not take.
  std::size_t handed_bytes = 0;
  std::size_t dropped = 0;  // messages beyond the limit
};

}  // namespace runtime::wsgate
