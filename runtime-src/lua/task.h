// The coroutines of one Lua service, and what each of them waits for.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/message.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

struct Task;

// Where what comes over a socket gathers (StreamBuffer), and what a task awaits there.
struct AwaitedBytes {
  int socket = 0;          // its id; 0: nobody can wait for what comes
  Task* reader = nullptr;  // null: nobody waits
  lua_Number enough = 0;   // so many end the wait, and one at least
  lua_Number most = 0;     // what would leave more is for the service's own code
};

// What a task waits for, and so what it is resumed with.
enum class Wait : std::uint8_t {
  nothing,
  start,  // a timer's function, which has not begun: nothing
  // A call: the values of the reply, or the reply as it is, a light userdata and a size. On LuaJIT their number comes
  // first; or, when they are many or the call has failed, a function that gives or raises it all, and its arguments.
  reply,
  message,
  unpack,  // a call on LuaJIT: the protocol's own unpack, and the reply as it is
  timer,   // a sleep: nil, or "BREAK" when woken before
  wakeup,  // a wait: nothing
  bytes,   // a read in the task's own coroutine: the bytes; nothing when it is woken without them
  answer,  // an expected answer's function, which has not begun: whether it came, message, size, session
};

// How it stands with the request that a task serves.
enum class Request : std::uint8_t {
  none,    // there is none: a fork, a timer
  open,    // nobody has answered yet
  closed,  // answered, or passed to a response closure, or not to be answered
};

// A coroutine that runs messages, timers and forks; reused when it has ended.
// Half a line of the caches has what each message needs; for the first task of a service the other half is what it
// needs of the scheduler.
struct alignas(32) Task {
  lua_State* co = nullptr;
  Task* next_idle = nullptr;  // of those that are kept for reuse
  Request request = Request::none;
  Wait wait = Wait::nothing;
  std::uint8_t type = 0;         // of the request
  std::uint8_t called_type = 0;  // of the call, for Wait::unpack
  bool traced = false;           // has a trace tag (lualib/skynet/trace.lua)
  bool woken = false;            // in the queue of woken tasks
  bool failed = false;       // in the queue of failed calls: it is resumed so that the call raises
  bool own_token = false;    // sleeps or waits on its own coroutine
  Handle source = 0;         // of the request
  std::int32_t session = 0;  // of the request; 0 for a message that wants no answer

  std::int32_t waits_for = 0;  // the session of its wait
  Handle callee = 0;           // of a call by handle
  bool table_token = false;    // sleeps or waits on a value in the table of tokens
  bool calls_name = false;     // of a call by name: there is a callee_name
  int anchor = 0;              // reference in the registry: keeps `co` alive
  // Another one, made when it is needed: to the token while `table_token`.
  int token_anchor = LUA_NOREF;
  std::uint32_t index = 0;        // in TaskScheduler's list of tasks
  AwaitedBytes* bytes = nullptr;  // of a Wait::bytes or Wait::wakeup: its reader is this task

  void set_callee(const char* name) {
    callee_name = name;
    calls_name = true;
  }

  std::string callee_name;
  std::unique_ptr<std::string> why_failed;  // while `failed`: what the call raises, if it is known
};

static_assert(sizeof(Task) == 128);

}  // namespace runtime::RUNTIME_ENGINE
