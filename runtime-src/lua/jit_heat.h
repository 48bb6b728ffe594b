// Which services' way of handling a message is worth machine code of its own.
//
// LuaJIT compiles what a state runs some 56 times. Each state has its code for itself, on pages of its own: where hundreds of
// services get a message now and then, the processor finds none of them in its caches, and the interpreter, which they
// share, is quicker. So the counters of a service that is cold (many others had their turns since its last one) begin anew
// every few turns: a loop, or a function that is called several times for a message, is compiled; what runs once for each
// message is not. Once a service has been hot, it is left alone.
//
// LuaJIT only. Threads: the worker that runs the service.
#pragma once

#include <cstdint>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

class JitHeat {
 public:
  // At the beginning of a turn, on the service's main thread, while no Lua code runs. Does not raise. True if the compiler
  // was turned off and on, by which LuaJIT's table of its interpreter's code was written anew.
  bool begin_turn(lua_State* main) {
    const std::uint32_t now = ++turns_of_thread;
    if (recent_turns_ == kHot) [[likely]]
      return false;
    const bool is_recent = now - last_turn_ <= kRecent;
    last_turn_ = now;
    if (is_recent) {
      ++recent_turns_;
    } else {
      recent_turns_ = 0;
      if (++cold_turns_ % kColdTurns == 0) return cool(main);
    }
    return false;
  }

  // Whether LuaJIT keeps its counters where they were found. If not, to set them back takes 3,000 instructions.
  static bool knows_counters();

  // Where in the block of the main thread this table begins, which is written only when the compiler begins, ends or is
  // turned off or on, and for hooks: behind the counters (lj_dispatch.h, GG_State). Null if they were not found.
  static const void* interpreter_table(const lua_State* main);

 private:
  static constexpr std::uint32_t kRecent = 12;  // turns on the thread since the last one
  static constexpr std::uint8_t kHot = 64;      // turns, one after the other, that are recent
  static constexpr std::uint8_t kColdTurns = 16;

  static constinit thread_local std::uint32_t turns_of_thread;

  static int l_cool(lua_State* L);
  bool cool(lua_State* main);

  std::uint32_t last_turn_ = 0;
  std::uint8_t recent_turns_ = 0;
  std::uint8_t cold_turns_ = 0;
  std::uint16_t first_count_ = 0;  // at which the counters begin; 0: not known yet
};

}  // namespace runtime::RUNTIME_ENGINE
