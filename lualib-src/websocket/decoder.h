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

  // `max_payload` bounds the payload of a frame and a joined message.
  explicit Decoder(std::size_t max_payload) noexcept : max_payload_(max_payload) {}

  struct Event {
    enum class Kind {
      incomplete,  // more bytes are needed
      message,     // a whole message (kText, kBinary) or control frame
      error,       // the peer broke the protocol; the decoder stays in this state
    };
    Kind kind;
    int opcode;             // of a message: of its first fragment
    std::string_view text;  // the payload, unmasked, or the error; valid until the next call
  };

  void feed(std::string_view bytes) noexcept;
  Event next() noexcept;

  // Bytes of frames and messages that next() has not given yet.
  std::size_t held() const noexcept;

 private:
  // Whether the frame may come now; if not, the decoder has failed.
  bool check(const FrameHeader& header);
  void release_given_message();

  const std::size_t max_payload_;
  std::string input_;         // bytes as they came; unmasked in place
  std::size_t position_ = 0;  // in input_: where the next frame begins
  std::string message_;       // fragments so far
  int message_opcode_ = 0;    // of the first fragment; 0: no message is being joined
  bool message_given_ = false;
  std::string error_;  // not empty: failed
};

}  // namespace runtime::websocket
