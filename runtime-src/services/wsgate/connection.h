// One WebSocket connection, as its I/O thread knows it.
#pragma once

#include <libwebsockets.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "services/wsgate/block.h"
#include "services/wsgate/deflate.h"

namespace runtime::wsgate {

// The bytes of one message.
struct Package {
  Block bytes;
  std::size_t size = 0;
};

struct Connection {
  explicit Connection(lws* socket) : wsi(socket) {}

  lws* const wsi;
  std::string address;        // of the peer: ip:port
  int id = 0;                 // 0: the handshake is not done
  bool is_started = false;    // packages may be passed on
  bool is_paused = false;     // too much came before the start
  std::uint32_t agent = 0;    // packages go there; 0: to the watchdog
  std::uint32_t client = 0;   // and seem to come from there
  bool is_closing = false;    // after what is unsent
  bool said_goodbye = false;  // a close frame is being sent
  bool is_dirty = false;      // something was added to `unsent` and has not been tried yet

  std::unique_ptr<Deflate> deflate;  // if that was agreed on

  // The message that is coming in, as far as it is here.
  bool is_text = false;
  bool is_compressed = false;
  Block incoming;
  std::size_t incoming_size = 0;
  std::size_t incoming_capacity = 0;

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
