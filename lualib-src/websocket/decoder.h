// The frames of one direction of one connection, as messages.
//
// Threads:   one at a time.
// Memory:    the bytes of one frame that is still coming, of one message that is still being
//            joined, and of what one feed() brought; with a limit never more than twice that limit
//            and the latter. An idle decoder keeps at most kIdleBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/websocket_frame.h"

namespace runtime::websocket {

class Decoder {
 public:
  static constexpr std::size_t kNoLimit = SIZE_MAX / 2;
  static constexpr std::size_t kIdleBytes = 4096;

  // How much of the RFC a peer must keep to.
  enum class Rules {
    any_mask,  // all of it, but frames may be masked or not: skynet's own clients do not mask
    masked,    // all that it asks of a client
    unmasked,  // all that it asks of a server
    lenient,   // reserved bits, the bytes of texts, and what a close frame says do not matter
  };

  // `max_payload` bounds the payload of a frame and a joined message. `takes_compressed`: messages
  // may say that they are compressed (RFC 7692). They are given as they come.
  explicit Decoder(std::size_t max_payload, Rules rules = Rules::any_mask,
                   bool takes_compressed = false) noexcept
      : max_payload_(max_payload), rules_(rules), takes_compressed_(takes_compressed) {}

  struct Event {
    enum class Kind {
      incomplete,  // more bytes are needed
      message,     // a whole message (kText, kBinary) or control frame
      error,       // the peer broke the protocol; the decoder stays in this state
    };
    Kind kind;
    int opcode;                  // of a message: of its first fragment
    std::string_view text;       // the payload, unmasked, or the error; valid until the next call
    int close_code;              // of an error: what to tell the peer
    bool is_compressed = false;  // a message: whoever inflates it looks at its text
  };

  void feed(std::string_view bytes) noexcept;
  Event next() noexcept;

  // Bytes of frames and messages that next() has not given yet.
  std::size_t held() const noexcept;

 private:
  // Whether the frame may come now; if not, the decoder has failed.
  bool check(const FrameHeader& header);
  bool check_close(std::string_view payload);
  bool check_text(std::string_view text);
  bool check_fragments(bool is_last);
  bool fail(int close_code, std::string text);
  void release_given_message();

  const std::size_t max_payload_;
  const Rules rules_;
  const bool takes_compressed_;
  std::string input_;           // bytes as they came; unmasked in place
  std::size_t position_ = 0;    // in input_: where the next frame begins
  std::string message_;         // fragments so far
  int message_opcode_ = 0;      // of the first fragment; 0: no message is being joined
  bool is_compressed_ = false;  // the message being joined
  bool message_given_ = false;
  std::size_t checked_ = 0;  // bytes of message_ that are whole characters
  std::string error_;        // not empty: failed
  int close_code_ = 0;
};

}  // namespace runtime::websocket
