// What the gate and the listener ask of an I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "services/wsgate/block.h"

namespace runtime::wsgate {

struct Command {
  enum class Kind {
    adopt,           // the accepted socket `fd`, which is owned, becomes a connection
    start,           // begin to read
    forward,         // packages go to `agent`, from `client`
    kick,            // close after what is unsent
    write,           // send the first `size` bytes of `data`
    stop_listening,  // connections stay
  };
  Kind kind;
  int id = 0;  // the connection
  int fd = -1;
  std::uint32_t agent = 0;
  std::uint32_t client = 0;
  Block data{};
  std::size_t size = 0;
  std::uint32_t source = 0;  // who asked, for the log
};

}  // namespace runtime::wsgate
