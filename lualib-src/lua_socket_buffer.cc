// skynet.socketdriver: buffers of received blocks, and the blocks themselves.
//
// The second argument of most functions, a table of the caller's, is not needed; readline() takes
// its absence for a question. Upvalue 1 of every function is the metatable of buffers.
#include "lua_socket_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "api/socket_api.h"
#include "base/memory_ledger.h"
#include "lua/builtin_modules.h"
#include "lua/raw_stack.h"
#include "lua/task_functions.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// 2^53: up to here a number of either engine is what it says.
constexpr lua_Number kMostBytes = 9007199254740992;

// What a read of `wanted` bytes gets, 0: of any; 0 if there are not enough.
std::size_t enough_bytes(const StreamBuffer& buffer, lua_Integer wanted) {
  if (wanted == 0) return buffer.bytes();
  const auto count = static_cast<std::size_t>(wanted);
  return wanted > 0 && buffer.bytes() >= count ? count : 0;
}

// Null for a value that is no buffer.
StreamBuffer* to_buffer(lua_State* L, int index) {
  if (const RawValue* const value = RawValues(L).find(index)) {
    const RawUserdata* const raw = find_userdata(*value);
    if (raw == nullptr || raw->metatable != lua_topointer(L, lua_upvalueindex(1))) return nullptr;
    return static_cast<StreamBuffer*>(lua_touserdata(L, index));
  }
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return nullptr;
  const bool same = lua_rawequal(L, -1, lua_upvalueindex(1)) != 0;
  lua_pop(L, 1);
  return same ? static_cast<StreamBuffer*>(lua_touserdata(L, index)) : nullptr;
}

StreamBuffer& check_buffer(lua_State* L) {
  StreamBuffer* buffer = to_buffer(L, 1);
  if (buffer == nullptr) luaL_error(L, "Need buffer object at param 1");
  return *buffer;
}

// buffer([id, spare]) -> buffer; with the id of a socket for what comes over that. An event that would
// leave more than `spare` bytes beyond those that are waited for is dispatched as if nobody waited.
int l_buffer(lua_State* L) {
  const auto socket = static_cast<int>(luaL_optinteger(L, 1, 0));
  const lua_Number spare = luaL_optnumber(L, 2, 0);
  auto* buffer = new (lua_newuserdatauv(L, sizeof(StreamBuffer), 0)) StreamBuffer;
  buffer->spare = spare;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
  buffer->socket = socket;
  if (socket != 0) scheduler(L).open_stream(*buffer);
  return 1;
}

int l_destroy_buffer(lua_State* L) {
  auto& buffer = *static_cast<StreamBuffer*>(lua_touserdata(L, 1));
  buffer.clear();
  if (buffer.socket != 0) scheduler(L).close_stream(buffer);
  return 0;
}

// push(buffer, pool, pointer, size) -> bytes held [, what is waited for in read()]. The block changes
// hands even when this raises.
int l_push(lua_State* L) {
  StreamBuffer* buffer = to_buffer(L, 1);
  auto* block = lua_islightuserdata(L, 3) ? static_cast<char*>(lua_touserdata(L, 3)) : nullptr;
  const lua_Integer size = lua_isnumber(L, 4) ? lua_tointeger(L, 4) : -1;
  if (buffer == nullptr || size < 0) std::free(block);
  if (buffer == nullptr) return luaL_error(L, "need buffer object at param 1");
  if (block == nullptr) return luaL_error(L, "need message block at param 3");
  if (size < 0) return luaL_error(L, "need the size of the block at param 4");
  buffer->push(block, static_cast<std::size_t>(size));
  lua_pushinteger(L, static_cast<lua_Integer>(buffer->bytes()));
  if (buffer->wanted == StreamBuffer::kNobody) return 1;
  lua_pushinteger(L, buffer->wanted);
  return 2;
}

// pop(buffer, pool, n) -> string, left | nil, held
int l_pop(lua_State* L) {
  StreamBuffer& buffer = check_buffer(L);
  const lua_Integer count = luaL_checkinteger(L, 3);
  if (count <= 0 || static_cast<std::size_t>(count) > buffer.bytes()) {
    lua_pushnil(L);
  } else {
    push_front(L, buffer, static_cast<std::size_t>(count));
  }
  lua_pushinteger(L, static_cast<lua_Integer>(buffer.bytes()));
  return 2;
}

// readall(buffer, pool) -> string
int l_readall(lua_State* L) {
  StreamBuffer& buffer = check_buffer(L);
  push_front(L, buffer, buffer.bytes());
  return 1;
}

// readline(buffer, pool, separator) -> string | nothing;  readline(buffer, nil, separator) -> true
// | nothing
int l_readline(lua_State* L) {
  StreamBuffer& buffer = check_buffer(L);
  std::size_t size = 0;
  const char* separator = luaL_checklstring(L, 3, &size);
  std::size_t before = 0;
  {
    const std::optional<std::size_t> found = buffer.find({separator, size});
    if (!found) return 0;
    before = *found;
  }
  if (lua_isnil(L, 2)) {
    lua_pushboolean(L, 1);
    return 1;
  }
  push_front(L, buffer, before);
  buffer.consume(size);
  return 1;
}

// How many bytes read() is to give: 0, any, when nothing is said; -1 for what is no number of bytes.
lua_Integer wanted_bytes(lua_State* L, int index) {
  if (lua_isnoneornil(L, index)) return 0;
  if (lua_type(L, index) != LUA_TNUMBER) return -1;
  const lua_Number number = lua_tonumber(L, index);
  if (!(number >= 1 && number <= kMostBytes)) return -1;
  const auto count = static_cast<lua_Integer>(number);
  return static_cast<lua_Number>(count) == number ? count : -1;
}

void set_awaited(StreamBuffer& buffer, lua_Number enough) {
  buffer.enough = enough;
  buffer.most = enough + buffer.spare;
}

enum class Reading {
  done,  // the bytes are on top of the stack
  waits,  // the task now waits for them: the caller blocks, and is resumed with them, or with nothing
  refused,  // it would have to wait, and cannot (begin_read()); or index 2 is no number of bytes
};

// Takes as many bytes as index 2 says, or all there are, or begins to wait for them.
Reading read(lua_State* L, StreamBuffer& buffer) {
  const lua_Integer wanted = wanted_bytes(L, 2);
  if (wanted < 0) return Reading::refused;
  if (const std::size_t count = enough_bytes(buffer, wanted)) {
    push_front(L, buffer, count);
    return Reading::done;
  }
  if (buffer.wanted != StreamBuffer::kNobody || buffer.socket == 0 || !begin_read(L, buffer))
    return Reading::refused;
  buffer.wanted = wanted;
  set_awaited(buffer, static_cast<lua_Number>(wanted));
  return Reading::waits;
}

// read(buffer[, n]) -> string of n bytes, or of all there are, if need be after a wait for them
//  | nothing: the wait has ended without
//  | false: refused
int l_read(lua_State* L) {
  switch (read(L, check_buffer(L))) {
    case Reading::done: return 1;
    case Reading::waits: return suspend(L, *scheduler(L).current());
    case Reading::refused: break;
  }
  lua_pushboolean(L, 0);
  return 1;
}

#ifdef RUNTIME_LUA54
// Calls the reader's function, with the buffer where it has waited in vain, or without.
int finish_read(lua_State* L, bool has_waited) {
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_insert(L, 1);
  if (!has_waited) lua_settop(L, 3);
  return return_call(L, lua_gettop(L) - 1);
}

// The read in the reader's frame has ended: with the bytes, or with nothing, as read() says.
int after_read(lua_State* L, int, lua_KContext) {
  return lua_gettop(L) > 3 ? 1 : finish_read(L, true);
}

// read_of(id[, n]): as read() of the buffer that has this place in the table, and with its result unless there
// is no buffer, or it gives no bytes. Then with those of the function, which is given id, n and, if it has waited
// in vain there, the buffer.
int l_read_of(lua_State* L) {
  lua_settop(L, 2);
  if (lua_isinteger(L, 1) &&
      lua_rawgeti(L, lua_upvalueindex(2), lua_tointeger(L, 1)) == LUA_TUSERDATA) {
    auto& buffer = *static_cast<StreamBuffer*>(lua_touserdata(L, 3));
    switch (read(L, buffer)) {
      case Reading::done: return 1;
      case Reading::waits: scheduler(L).block(); return lua_yieldk(L, 0, 0, after_read);
      case Reading::refused: break;
    }
  }
  return finish_read(L, false);
}

// reader(buffers, function) -> read_of: for reads by id, in one call where most of them end
int l_reader(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_pushcclosure(L, l_read_of, 3);
  return 1;
}
#endif

// wanted(buffer) -> how many bytes are waited for in read(), 0: any | nothing: nobody waits there
int l_wanted(lua_State* L) {
  const StreamBuffer& buffer = check_buffer(L);
  if (buffer.wanted == StreamBuffer::kNobody) return 0;
  lua_pushinteger(L, buffer.wanted);
  return 1;
}

// wake(buffer): ends the wait in read(), if there is one
int l_wake(lua_State* L) {
  StreamBuffer& buffer = check_buffer(L);
  if (std::exchange(buffer.wanted, StreamBuffer::kNobody) != StreamBuffer::kNobody)
    scheduler(L).wake_reader(buffer);
  return 0;
}

// await(token, buffer[, enough]): skynet.wait(token), which also ends when what comes over the socket has
// made `enough` bytes in the buffer (0: any); without it, what comes is dispatched as if nobody waited
int l_await(lua_State* L) {
  Task& task = blocking_task(L);
  StreamBuffer* buffer = to_buffer(L, 2);
  if (buffer == nullptr || buffer->socket == 0)
    return luaL_error(L, "Need buffer object at param 2");
  const bool feeds = !lua_isnoneornil(L, 3);
  const lua_Number enough = feeds ? luaL_checknumber(L, 3) : 0;
  lua_settop(L, 3);
  begin_wait(L, task);
  set_awaited(*buffer, enough);
  if (!feeds) buffer->most = -1;
  scheduler(L).wait_for_bytes(*buffer);
  return suspend(L, task);
}

// clear(buffer | nil, pool)
int l_clear(lua_State* L) {
  if (lua_isnoneornil(L, 1)) return 0;
  check_buffer(L).clear();
  return 0;
}

// drop(pointer, size): frees a received block; of other values the collector takes care
int l_drop(lua_State* L) {
  if (lua_islightuserdata(L, 1)) std::free(lua_touserdata(L, 1));
  return 0;
}

// str2p(string) -> pointer, size
int l_str2p(lua_State* L) {
  std::size_t size = 0;
  const char* bytes = luaL_checklstring(L, 1, &size);
  void* copy = std::malloc(std::max<std::size_t>(size, 1));
  if (copy == nullptr) return luaL_error(L, "not enough memory");
  std::memcpy(copy, bytes, size);
  lua_pushlightuserdata(L, copy);
  lua_pushinteger(L, static_cast<lua_Integer>(size));
  return 2;
}

}  // namespace

Fed feed(Message& received, AwaitedBytes& bytes, bool may_give) {
  auto& buffer = static_cast<StreamBuffer&>(bytes);
  const std::size_t size = received.size();
  const auto held = static_cast<lua_Number>(buffer.bytes() + size);
  if (held > buffer.most) return Fed::not_taken;
  runtime_socket_acknowledge(received.session, size);
  if (may_give && buffer.bytes() == 0 &&
      (buffer.wanted == 0 || buffer.wanted == static_cast<lua_Integer>(size))) {
    buffer.wanted = StreamBuffer::kNobody;
    return Fed::whole;
  }
  take_bytes(block_bytes(received.data));
  buffer.push(static_cast<char*>(std::exchange(received.data, nullptr)), size);
  return held >= buffer.enough ? Fed::enough : Fed::too_few;
}

std::size_t end_read(AwaitedBytes& bytes) {
  auto& buffer = static_cast<StreamBuffer&>(bytes);
  return enough_bytes(buffer, std::exchange(buffer.wanted, StreamBuffer::kNobody));
}

void push_front(lua_State* L, AwaitedBytes& bytes, std::size_t count) {
  auto& buffer = static_cast<StreamBuffer&>(bytes);
  const std::string_view front = count == 0 ? std::string_view("") : buffer.front(count);
  lua_pushlstring(L, front.data(), front.size());
  buffer.consume(count);
}

void set_buffer_functions(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"buffer", l_buffer},     {"push", l_push},   {"pop", l_pop},       {"readall", l_readall},
      {"readline", l_readline}, {"read", l_read},   {"wanted", l_wanted}, {"wake", l_wake},
      {"await", l_await},       {"clear", l_clear}, {"drop", l_drop},     {"str2p", l_str2p},
#ifdef RUNTIME_LUA54
      {"reader", l_reader},
#endif
      {nullptr, nullptr},
  };
  constexpr const char kType[] = "skynet.socketdriver.buffer";
  luaL_newmetatable(L, kType);  // the same when the module is loaded anew: buffers stay
  lua_pushcfunction(L, l_destroy_buffer);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, kType);
  lua_setfield(L, -2, "__metatable");  // the collector's function is not for others
  luaL_setfuncs(L, kFunctions, 1);
}

}  // namespace runtime::RUNTIME_ENGINE
