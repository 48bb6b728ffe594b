// What native modules give every service: modules that are part of the executable, found by
// `require` without a file, and functions of the library `coroutine`. lualib-src/ has both.
#pragma once

#include <span>

#include "core/message.h"
#include "lua/engine.h"
#include "lua/task.h"

namespace runtime::RUNTIME_ENGINE {

struct BuiltinModule {
  const char* name;  // as in require "name"
  lua_CFunction open;
};

std::span<const BuiltinModule> builtin_modules();

// skynet.socketdriver.unpack. For an event of the node's sockets it raises nothing.
extern const lua_CFunction socket_unpack;

// What becomes of what was received (is_received) for a task that awaits bytes (skynet.socketdriver.read and await).
enum class Fed {
  not_taken,
  too_few,  // it is in the buffer now
  enough,   // and so are all that were awaited
  whole,  // they are what read() is to give, and still the message's: for who may_give() them at once
};
Fed feed(Message& received, AwaitedBytes& bytes, bool may_give);

// Ends a wait in read(): how many bytes it gets, 0 if there are not enough.
std::size_t end_read(AwaitedBytes& bytes);
// Pushes the first `count` bytes, of at least as many, and drops them. May raise (memory): they are still there then.
void push_front(lua_State* L, AwaitedBytes& bytes, std::size_t count);

// Adds the resume and wrap that measure (skynet.profile) to the table on top: those of the library
// `coroutine`, if it has them, else new ones.
void add_resuming_functions(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
