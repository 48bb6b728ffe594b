// skynet.cluster.core: the packets of the cluster's protocol, made and read by Lua code. Our own services use
// skynet.cluster.link; this is for programs that speak the protocol themselves, skynet's own Lua files among
// them. The interface is described in lualib/meta/cluster_core.lua.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "cluster/frame.h"
#include "cluster/trace_log.h"
#include "held.h"
#include "lua/engine.h"
#include "skynet_malloc.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using cluster::Answer;
using cluster::AnswerKind;
using cluster::kMaxHead;
using cluster::kPartBytes;
using cluster::Request;
using cluster::RequestFault;
using cluster::Target;

// A message that is given to a function: freed however the function ends.
struct Given {
  static constexpr const char* kLuaType = "skynet.cluster.given";
  void* data = nullptr;
  ~Given() { free(); }
  // Not only when the collector comes by.
  void free() { std::free(std::exchange(data, nullptr)); }
};

std::uint32_t check_session(lua_State* L, int index) {
  return static_cast<std::uint32_t>(luaL_checkinteger(L, index));
}

// A packet of `head` and `payload`.
struct Packet {
  char bytes[kMaxHead + kPartBytes];
  std::size_t size = 0;

  void append(std::string_view part) {
    std::memcpy(bytes + size, part.data(), part.size());
    size += part.size();
  }
};

void push(lua_State* L, const Packet& packet) { lua_pushlstring(L, packet.bytes, packet.size); }

// ---- requests -----------------------------------------------------------------------------------

Target check_target(lua_State* L, int index) {
  Target target;
  if (lua_type(L, index) == LUA_TNUMBER) {
    target.handle = static_cast<std::uint32_t>(luaL_checkinteger(L, index));
    return target;
  }
  if (lua_type(L, index) != LUA_TSTRING)
    luaL_error(L, "name is not a string, it's a %s", luaL_typename(L, index));
  std::size_t size = 0;
  const char* name = lua_tolstring(L, index, &size);
  if (size < 1 || size > cluster::kMaxName)
    luaL_error(L, "name length is invalid, must be between 1 and 255 characters");
  target.named = true;
  target.name = {name, size};
  return target;
}

// packrequest|packpush(address, session, message, size) -> packet, next session[, parts]
int pack(lua_State* L, bool is_push) {
  void* message = lua_touserdata(L, 3);
  if (message == nullptr || !lua_islightuserdata(L, 3))
    return luaL_error(L, "Invalid request message");
  const auto size = static_cast<std::size_t>(luaL_checkinteger(L, 4));
  Given& given = push_held<Given>(L);
  given.data = message;
  const lua_Integer session = luaL_checkinteger(L, 2);
  if (session <= 0 || session > static_cast<lua_Integer>(cluster::kMaxTotal))
    return luaL_error(L, "Invalid request session %d", static_cast<int>(session));
  const Target target = check_target(L, 1);
  if (size > cluster::kMaxTotal) return luaL_error(L, "Invalid request message: it is too large");
  const auto id = static_cast<std::uint32_t>(session);
  const std::string_view payload(static_cast<const char*>(message), size);
  const bool large = size >= kPartBytes;

  Packet packet;
  if (large) {
    packet.size = cluster::write_request_head(packet.bytes, target, id,
                                              static_cast<std::uint32_t>(size), is_push);
  } else {
    packet.size = cluster::write_request(packet.bytes, target, is_push ? 0 : id, size);
    packet.append(payload);
  }
  push(L, packet);
  // A small push takes no session.
  const bool takes = large || !is_push;
  lua_pushinteger(L, !takes                                                    ? session
                     : session == static_cast<lua_Integer>(cluster::kMaxTotal) ? 1
                                                                               : session + 1);
  if (!large) {
    given.free();
    return 2;
  }
  lua_newtable(L);
  int count = 0;
  for (std::size_t sent = 0; sent < size; sent += kPartBytes) {
    const std::string_view part = payload.substr(sent, kPartBytes);
    packet.size =
        cluster::write_request_part(packet.bytes, id, part.size(), sent + part.size() == size);
    packet.append(part);
    push(L, packet);
    lua_rawseti(L, -2, ++count);
  }
  given.free();
  return 3;
}

int l_packrequest(lua_State* L) { return pack(L, /*is_push=*/false); }
int l_packpush(lua_State* L) { return pack(L, /*is_push=*/true); }

// packtrace(tag) -> packet
int l_packtrace(lua_State* L) {
  std::size_t size = 0;
  const char* tag = luaL_checklstring(L, 1, &size);
  if (size > kPartBytes) return luaL_error(L, "trace tag is too long : %d", static_cast<int>(size));
  Packet packet;
  packet.size = cluster::write_trace(packet.bytes, size);
  packet.append({tag, size});
  push(L, packet);
  return 1;
}

// The bytes that are a string, or a pointer and a size.
std::string_view check_bytes(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TLIGHTUSERDATA) {
    const lua_Integer size = luaL_checkinteger(L, index + 1);
    luaL_argcheck(L, size >= 0, index + 1, "a size is not negative");
    return {static_cast<const char*>(lua_touserdata(L, index)), static_cast<std::size_t>(size)};
  }
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

// Pushes a copy of the payload, which the caller of the function owns, and its size.
void push_payload(lua_State* L, std::string_view payload) {
  luaL_checkstack(L, 2, nullptr);
  auto* copy = static_cast<char*>(skynet_malloc(payload.size() + 1));
  if (copy == nullptr) luaL_error(L, "not enough memory");
  std::memcpy(copy, payload.data(), payload.size());
  lua_pushlightuserdata(L, copy);
  lua_pushinteger(L, static_cast<lua_Integer>(payload.size()));
}

void push_target(lua_State* L, const Target& target) {
  if (target.named) {
    lua_pushlstring(L, target.name.data(), target.name.size());
  } else {
    lua_pushinteger(L, target.handle);
  }
}

// unpackrequest(body | message, size) -> see the description
int l_unpackrequest(lua_State* L) {
  const std::string_view body = check_bytes(L, 1);
  Request request;
  const RequestFault fault = cluster::parse_request(body, &request);
  if (fault == RequestFault::unknown_type) {
    return luaL_error(L, "%s %d", cluster::text_of(fault), static_cast<signed char>(body.front()));
  }
  if (fault != RequestFault::none) return luaL_error(L, "%s", cluster::text_of(fault));
  switch (request.kind) {
    case Request::Kind::trace:
      lua_pushlstring(L, request.payload.data(), request.payload.size());
      return 1;
    case Request::Kind::head:
      push_target(L, request.target);
      lua_pushinteger(L, request.session);
      lua_pushnil(L);
      lua_pushinteger(L, request.total);
      lua_pushboolean(L, 1);
      lua_pushboolean(L, request.push);
      return 6;
    case Request::Kind::whole:
      push_target(L, request.target);
      lua_pushinteger(L, request.session);
      push_payload(L, request.payload);
      if (!request.push) return 4;
      lua_pushnil(L);
      lua_pushboolean(L, 1);
      return 6;
    default:
      lua_pushboolean(L, 0);
      lua_pushinteger(L, request.session);
      push_payload(L, request.payload);
      lua_pushboolean(L, request.kind == Request::Kind::part);
      return 5;
  }
}

// ---- answers ------------------------------------------------------------------------------------

// packresponse(session, ok, message, size | text) -> packet, or an array of packets
int l_packresponse(lua_State* L) {
  const std::uint32_t session = check_session(L, 1);
  const bool ok = lua_toboolean(L, 2);
  std::string_view data;
  if (!lua_isnoneornil(L, 3)) data = check_bytes(L, 3);
  if (data.size() > cluster::kMaxTotal) return luaL_error(L, "the response is too large");
  Packet packet;
  if (!ok || data.size() <= kPartBytes) {
    data = data.substr(0, kPartBytes);
    packet.size = cluster::write_answer(packet.bytes, session,
                                        ok ? AnswerKind::ok : AnswerKind::error, data.size());
    packet.append(data);
    push(L, packet);
    return 1;
  }
  lua_newtable(L);
  packet.size =
      cluster::write_answer_head(packet.bytes, session, static_cast<std::uint32_t>(data.size()));
  push(L, packet);
  int count = 1;
  lua_rawseti(L, -2, count);
  while (!data.empty()) {
    const std::string_view part = data.substr(0, kPartBytes);
    data.remove_prefix(part.size());
    packet.size = cluster::write_answer(
        packet.bytes, session, data.empty() ? AnswerKind::last : AnswerKind::part, part.size());
    packet.append(part);
    push(L, packet);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

// unpackresponse(body) -> session, ok, data[, more]; nothing if it is none
int l_unpackresponse(lua_State* L) {
  std::size_t size = 0;
  const char* body = luaL_checklstring(L, 1, &size);
  Answer answer;
  if (!cluster::parse_answer({body, size}, &answer)) return 0;
  lua_pushinteger(L, answer.session);
  lua_pushboolean(L, answer.kind != AnswerKind::error);
  if (answer.kind == AnswerKind::head) {
    lua_pushinteger(L, answer.total);
  } else {
    lua_pushlstring(L, answer.data.data(), answer.data.size());
  }
  if (answer.kind != AnswerKind::head && answer.kind != AnswerKind::part) return 3;
  lua_pushboolean(L, 1);
  return 4;
}

// ---- messages in parts --------------------------------------------------------------------------

// append(list, message, size): frees the message; without one it appends the size
int l_append(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const auto next = static_cast<lua_Integer>(lua_rawlen(L, 1)) + 1;
  if (lua_isnoneornil(L, 2)) {
    lua_pushinteger(L, luaL_checkinteger(L, 3));
  } else {
    if (!lua_islightuserdata(L, 2)) return luaL_error(L, "Need lightuserdata");
    const lua_Integer size = luaL_checkinteger(L, 3);
    luaL_argcheck(L, size >= 0, 3, "a size is not negative");
    Given& given = push_held<Given>(L);
    given.data = lua_touserdata(L, 2);
    lua_pushlstring(L, static_cast<const char*>(given.data), static_cast<std::size_t>(size));
    given.free();
  }
  lua_rawseti(L, 1, static_cast<int>(next));
  return 0;
}

// The string at `i` of the list; false if there is none. The stack stays: the list keeps the string.
bool string_at(lua_State* L, int i, std::string_view* bytes) {
  lua_rawgeti(L, 1, i);
  const bool is_string = lua_type(L, -1) == LUA_TSTRING;
  std::size_t size = 0;
  if (is_string) {
    const char* text = lua_tolstring(L, -1, &size);
    *bytes = {text, size};
  }
  lua_pop(L, 1);
  return is_string;
}

// concat({total, string, ...}) -> message, size; nothing unless the strings add up
int l_concat(lua_State* L) {
  if (!lua_istable(L, 1)) return 0;
  lua_rawgeti(L, 1, 1);
  if (lua_type(L, -1) != LUA_TNUMBER) return 0;
  const lua_Integer total = lua_tointeger(L, -1);
  lua_pop(L, 1);
  lua_Integer sum = 0;
  std::string_view bytes;
  for (int i = 2; string_at(L, i, &bytes); ++i) sum += static_cast<lua_Integer>(bytes.size());
  if (sum != total) return 0;
  luaL_checkstack(L, 4, nullptr);
  auto* message = static_cast<char*>(skynet_malloc(static_cast<std::size_t>(total) + 1));
  if (message == nullptr) return luaL_error(L, "not enough memory");
  char* at = message;
  for (int i = 2; string_at(L, i, &bytes); ++i) {
    std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
  }
  lua_pushlightuserdata(L, message);
  lua_pushinteger(L, total);
  return 2;
}

// ---- names --------------------------------------------------------------------------------------

// isname(value) -> true for a string that begins with @
int l_isname(lua_State* L) {
  std::size_t size = 0;
  const char* text = lua_tolstring(L, 1, &size);
  if (text == nullptr || size == 0 || *text != '@') return 0;
  lua_pushboolean(L, 1);
  return 1;
}

struct NodeName {
  char text[300];
};

NodeName find_node_name() noexcept {
  const std::string name = cluster::node_name();
  NodeName result = {};
  name.copy(result.text, sizeof(result.text) - 1);
  return result;
}

int l_nodename(lua_State* L) {
  const NodeName name = find_node_name();
  lua_pushstring(L, name.text);
  return 1;
}

}  // namespace

int open_cluster_core(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"packrequest", l_packrequest},
      {"packpush", l_packpush},
      {"packtrace", l_packtrace},
      {"unpackrequest", l_unpackrequest},
      {"packresponse", l_packresponse},
      {"unpackresponse", l_unpackresponse},
      {"append", l_append},
      {"concat", l_concat},
      {"isname", l_isname},
      {"nodename", l_nodename},
      {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
