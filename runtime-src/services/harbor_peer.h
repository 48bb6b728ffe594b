// What the harbor service knows of one other node.
//
//   state      connection                      messages to it
//   unknown    none yet                        wait, for a while
//   handshake  ours; its answer is to come     wait
//   up         both have told their ids        are sent
//   down       none any more                   are refused
//
// When a node is up and a further connection to it is made, because it has joined anew, the new one
// is `rival`: it takes over once the node has answered on it. A node that is still there keeps the
// old one and closes the rival.
#pragma once

#include <cstdint>
#include <memory>

#include "services/harbor_frame.h"
#include "services/harbor_waiting.h"

namespace runtime {

struct HarborPeer {
  enum class State { unknown, handshake, up, down };

  State state = State::unknown;
  int socket = -1;
  int rival = -1;
  int deadline = 0;  // the session of the timer that ends `unknown` or `handshake`
  std::unique_ptr<HarborFrameReader> reader;  // of `socket`
  HarborWaiting waiting;
};

// Lines about a peer that may come with every message: a few each second, then their number.
class HarborLogLimit {
 public:
  // Whether to log a line now; *omitted becomes the number of lines left out before it. `now` in
  // 1/100 s.
  bool allow(std::uint64_t now, unsigned* omitted) {
    *omitted = 0;
    if (now - since_ >= kWindow) {
      since_ = now;
      lines_ = 0;
      *omitted = omitted_;
      omitted_ = 0;
    }
    if (lines_ < kLines) {
      ++lines_;
      return true;
    }
    ++omitted_;
    return false;
  }

 private:
  static constexpr std::uint64_t kWindow = 100;
  static constexpr int kLines = 20;
  std::uint64_t since_ = 0;
  int lines_ = 0;
  unsigned omitted_ = 0;
};

}  // namespace runtime
