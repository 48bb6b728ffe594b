// Which pointers a state of LuaJIT is given as light userdata.
//
// LuaJIT keeps the upper bits of a light userdata in a table of its state: 254 different ones at most (LJ_LIGHTUD_BITS_SEG in
// lj_obj.h), none ever forgotten. A peer whose messages have made-up pointers in them would fill the table, and from then on
// the state could not name memory of its own ("bad light userdata pointer"). So the process takes a bounded number of them.
//
// LuaJIT only. Threads: any.
#pragma once

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kStrangeSegments = 64;

// True for pointers into the parts of the address space (512 GB each) where the process has its memory, and for those into the
// first kStrangeSegments others that are asked for: C modules may keep numbers in light userdata.
bool takes_pointer(const void* pointer);

}  // namespace runtime::RUNTIME_ENGINE
