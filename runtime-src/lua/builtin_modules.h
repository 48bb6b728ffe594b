// What native modules give every service: modules that are part of the executable, found by
// `require` without a file, and functions of the library `coroutine`. lualib-src/ has both.
#pragma once

#include <span>

#include "lua/engine.h"
#include "lua/task.h"
#include "skynet_socket.h"

namespace runtime::RUNTIME_ENGINE {

struct BuiltinModule {
  const char* name;  // as in require "name"
  lua_CFunction open;
};

std::span<const BuiltinModule> builtin_modules();

// skynet.socketdriver.unpack. For an event of the node's sockets it raises nothing.
extern const lua_CFunction socket_unpack;

// What becomes of an event for a task that awaits bytes (skynet.socketdriver.read and await).
enum class Fed { not_taken, too_few, enough };
Fed feed(const skynet_socket_message& event, const AwaitedBytes& bytes);

// Ends a wait in read(): how many bytes it gets, 0 if there are not enough.
std::size_t end_read(StreamBuffer& buffer);
// Pushes the first `count` bytes, of at least as many, and drops them. May raise (memory): they are still there then.
void push_front(lua_State* L, StreamBuffer& buffer, std::size_t count);

// Adds the resume and wrap that measure (skynet.profile) to the table on top: those of the library
// `coroutine`, if it has them, else new ones.
void add_resuming_functions(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
