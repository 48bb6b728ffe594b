#include "lua/jit_trace.h"

#ifdef RUNTIME_LUAJIT

#include <unwind.h>

#include <cstdint>
#include <cstring>

#include "lua/jit_frames.h"

// LuaJIT's lj_gc_step_jit (see the Makefile): what machine code calls to collect. It first takes the
// stack's base and top from where the machine code is; with 0 steps it does nothing else.
extern "C" int runtime_jit_collect(void* global_state, unsigned steps);

namespace runtime::RUNTIME_ENGINE {

namespace {

bool is_function(std::uintptr_t begin, const void* function) {
  return begin == reinterpret_cast<std::uintptr_t>(function);
}

// Goes through the callers: machine code, or first a call from C into Lua, or the collector.
_Unwind_Reason_Code look_at(_Unwind_Context* frame, void* in_machine_code) {
  if (runtime_is_machine_code(reinterpret_cast<const void*>(_Unwind_GetIP(frame)))) {
    *static_cast<bool*>(in_machine_code) = true;
    return _URC_END_OF_STACK;
  }
  const std::uintptr_t begin = _Unwind_GetRegionStart(frame);
  const bool entered =
      is_function(begin, reinterpret_cast<const void*>(&lua_call)) ||
      is_function(begin, reinterpret_cast<const void*>(&lua_pcall)) ||
      is_function(begin, reinterpret_cast<const void*>(&lua_cpcall)) ||
      is_function(begin, reinterpret_cast<const void*>(
                             static_cast<int (*)(lua_State*, int)>(&lua_resume))) ||
      is_function(begin, reinterpret_cast<const void*>(&runtime_jit_collect));
  return entered ? _URC_END_OF_STACK : _URC_NO_REASON;
}

// The state behind a thread (lj_obj.h: lua_State::glref, behind a GCHeader of 16 bytes). LuaJIT
// allocates the main thread and it as one; where that does not hold there is none.
void* global_state(lua_State* main) {
  char* state;
  std::memcpy(&state, reinterpret_cast<char*>(main) + 16, sizeof state);
  const auto distance =
      reinterpret_cast<std::intptr_t>(state) - reinterpret_cast<std::intptr_t>(main);
  return distance > 0 && distance < 256 ? state : nullptr;
}

}  // namespace

void settle_trace(lua_State* main) {
  bool in_machine_code = false;
  _Unwind_Backtrace(look_at, &in_machine_code);
  if (!in_machine_code) return;
  if (void* state = global_state(main)) runtime_jit_collect(state, 0);
}

}  // namespace runtime::RUNTIME_ENGINE

#endif
