// skynet.netpack: the messages of the socket server, cut into frames with a 2-byte length. The
// interface is described in lualib/meta/netpack.lua.
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

#include "lua/engine.h"
#include "netpack/frame_queue.h"
#include "object.h"
#include "skynet_malloc.h"
#include "skynet_socket.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using netpack::FrameQueue;
using netpack::OwnedFrame;

struct LuaQueue : FrameQueue {
  static constexpr const char* kLuaType = "skynet.netpack.queue";
};

// The names that filter() gives, as upvalues behind the metatable: pushing those is cheaper than
// making strings.
enum Name { kData = 2, kMore, kOpen, kClose, kError, kWarning, kInit, kNameEnd };
constexpr const char* kNames[] = {"data", "more", "open", "close", "error", "warning", "init"};
static_assert(kNameEnd - kData == std::size(kNames));

void push_name(lua_State* L, Name name) {
  lua_pushvalue(L, lua_upvalueindex(static_cast<int>(name)));
}

int push_frame(lua_State* L, const OwnedFrame& frame) {
  lua_pushinteger(L, frame.id);
  lua_pushlightuserdata(L, frame.data);
  lua_pushinteger(L, static_cast<lua_Integer>(frame.size));
  return 3;
}

// ---- the socket server's messages ---------------------------------------------------------------

int filter_data(lua_State* L, FrameQueue& queue, const skynet_socket_message& message) {
  OwnedFrame frame;
  switch (queue.push(message.id, message.buffer, static_cast<std::size_t>(message.ud), &frame)) {
    case FrameQueue::Pushed::nothing: return 1;
    case FrameQueue::Pushed::single: push_name(L, kData); return 2 + push_frame(L, frame);
    case FrameQueue::Pushed::queued: push_name(L, kMore); return 2;
  }
  return 1;
}

// Pushes the text that follows the message.
void push_text(lua_State* L, const skynet_socket_message& message, std::size_t size) {
  lua_pushlstring(L, reinterpret_cast<const char*>(&message + 1), size - sizeof message);
}

// queue, type, ... = filter(queue, message, size)
int l_filter(lua_State* L) {
  const auto* message = static_cast<const skynet_socket_message*>(lua_touserdata(L, 2));
  const lua_Integer size = luaL_checkinteger(L, 3);
  luaL_argcheck(L, message != nullptr && size >= static_cast<lua_Integer>(sizeof *message), 2,
                "a socket message expected");
  const auto bytes = static_cast<std::size_t>(size);
  lua_settop(L, 1);
  FrameQueue& queue = [&]() -> FrameQueue& {
    if (!lua_isnil(L, 1)) return self<LuaQueue>(L, 1);
    lua_settop(L, 0);
    return push_object<LuaQueue>(L);
  }();

  switch (message->type) {
    case SKYNET_SOCKET_TYPE_DATA: return filter_data(L, queue, *message);
    case SKYNET_SOCKET_TYPE_CONNECT:
      push_name(L, kInit);
      lua_pushinteger(L, message->id);
      push_text(L, *message, bytes);
      lua_pushinteger(L, message->ud);
      return 5;
    case SKYNET_SOCKET_TYPE_CLOSE:
      queue.forget(message->id);
      push_name(L, kClose);
      lua_pushinteger(L, message->id);
      return 3;
    case SKYNET_SOCKET_TYPE_ACCEPT:
      push_name(L, kOpen);
      lua_pushinteger(L, message->ud);
      push_text(L, *message, bytes);
      return 4;
    case SKYNET_SOCKET_TYPE_ERROR:
      queue.forget(message->id);
      push_name(L, kError);
      lua_pushinteger(L, message->id);
      push_text(L, *message, bytes);
      return 4;
    case SKYNET_SOCKET_TYPE_WARNING:
      push_name(L, kWarning);
      lua_pushinteger(L, message->id);
      lua_pushinteger(L, message->ud);
      return 4;
    default:  // datagrams have no frames
      skynet_free(message->buffer);
      return 1;
  }
}

// id, pointer, size | nothing = pop(queue)
int l_pop(lua_State* L) {
  if (lua_isnoneornil(L, 1)) return 0;
  const std::optional<OwnedFrame> frame = self<LuaQueue>(L, 1).pop();
  return frame ? push_frame(L, *frame) : 0;
}

int l_clear(lua_State* L) {
  if (!lua_isnoneornil(L, 1)) self<LuaQueue>(L, 1).clear();
  return 0;
}

// ---- blocks -------------------------------------------------------------------------------------

// The bytes that are argument 1, a string, or a userdata with their number as argument 2.
std::string_view check_bytes(lua_State* L) {
  if (lua_isuserdata(L, 1)) {
    const lua_Integer size = luaL_checkinteger(L, 2);
    luaL_argcheck(L, size >= 0, 2, "a size is not negative");
    luaL_argcheck(L, userdata_has(L, 1, size), 2, "the userdata is smaller");
    return {static_cast<const char*>(lua_touserdata(L, 1)), static_cast<std::size_t>(size)};
  }
  std::size_t size;
  const char* text = luaL_checklstring(L, 1, &size);
  return {text, size};
}

// pointer, size = pack(string | pointer, size)
int l_pack(lua_State* L) {
  const std::string_view payload = check_bytes(L);
  const std::size_t size = payload.size();
  if (size > netpack::kMaxFrame) {
    lua_pushinteger(L, static_cast<lua_Integer>(size));
    return luaL_error(L, "Invalid size (too long) of data : %s", lua_tostring(L, -1));
  }
  auto* block = static_cast<char*>(skynet_malloc(netpack::kHeaderBytes + size));
  if (block == nullptr) return luaL_error(L, "not enough memory");
  block[0] = static_cast<char>(size >> 8);
  block[1] = static_cast<char>(size);
  if (size > 0) std::memcpy(block + netpack::kHeaderBytes, payload.data(), size);
  lua_pushlightuserdata(L, block);
  lua_pushinteger(L, static_cast<lua_Integer>(netpack::kHeaderBytes + size));
  return 2;
}

// string = tostring(pointer, size): frees the block. A raise leaves it to the caller.
int l_tostring(lua_State* L) {
  void* block = lua_touserdata(L, 1);
  if (block == nullptr) {
    lua_pushliteral(L, "");
    return 1;
  }
  luaL_argcheck(L, lua_islightuserdata(L, 1), 1, "a block of memory expected");
  const std::string_view bytes = check_bytes(L);
  lua_pushlstring(L, bytes.data(), bytes.size());
  skynet_free(block);
  return 1;
}

}  // namespace

int open_netpack(lua_State* L) {
  constexpr luaL_Reg kNoMethods[] = {{nullptr, nullptr}};
  constexpr luaL_Reg kOfQueue[] = {
      {"pop", l_pop},
      {"clear", l_clear},
      {nullptr, nullptr},
  };
  constexpr luaL_Reg kOfBlocks[] = {
      {"pack", l_pack},
      {"tostring", l_tostring},
      {nullptr, nullptr},
  };
  define_type<LuaQueue>(L, kNoMethods);
  luaL_newlib(L, kOfBlocks);
  set_functions<LuaQueue>(L, kOfQueue);
  luaL_getmetatable(L, LuaQueue::kLuaType);
  for (const char* name : kNames) lua_pushstring(L, name);
  lua_pushcclosure(L, l_filter, kNameEnd - 1);
  lua_setfield(L, -2, "filter");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
