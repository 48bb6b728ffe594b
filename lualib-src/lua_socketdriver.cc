// skynet.socketdriver: the socket server's face for Lua.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "api/socket_api.h"
#include "lua/engine.h"
#include "net/address.h"
#include "net/receive_buffer.h"
#include "skynet.h"
#include "skynet_socket.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// Upvalue 1 of every function is the context, upvalue 2 the metatable of buffers.
// For listeners that name none. skynet's 32 overflows when a few connections come at once, and each that does waits for
// a second before it is tried again.
constexpr int kBacklog = 1024;

skynet_context* context(lua_State* L) {
  return static_cast<skynet_context*>(lua_touserdata(L, lua_upvalueindex(1)));
}

int check_id(lua_State* L, int index) { return static_cast<int>(luaL_checkinteger(L, index)); }

// ---- events ------------------------------------------------------------------------------------

// unpack(message, size) -> type, id, ud, data [, address]
int l_unpack(lua_State* L) {
  auto* message = static_cast<skynet_socket_message*>(lua_touserdata(L, 1));
  const auto size = static_cast<std::size_t>(luaL_checkinteger(L, 2));
  if (message == nullptr || size < sizeof(*message)) {
    return luaL_error(L, "unpack: this is no socket message");
  }
  lua_pushinteger(L, message->type);
  lua_pushinteger(L, message->id);
  lua_pushinteger(L, message->ud);
  if (message->buffer == nullptr) {
    lua_pushlstring(L, reinterpret_cast<const char*>(message + 1), size - sizeof(*message));
    return 4;
  }
  lua_pushlightuserdata(L, message->buffer);
  if (message->type == SKYNET_SOCKET_TYPE_DATA) {
    runtime_socket_acknowledge(message->id, static_cast<std::size_t>(message->ud));
    return 4;
  }
  int length = 0;
  const char* address = skynet_socket_udp_address(message, &length);
  if (address == nullptr) return 4;
  lua_pushlstring(L, address, static_cast<std::size_t>(length));
  return 5;
}

// ---- addresses ---------------------------------------------------------------------------------

struct HostPort {
  const char* host;
  int port;
  char copy[SocketServer::kMaxHostBytes + 1];  // of a host that is a part of an argument
};

// Reads (host, port), or ("host:port") and ("[v6]:port") when there is no port, from `index` on.
void check_address(lua_State* L, int index, HostPort* result) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  result->host = text;
  if (!lua_isnoneornil(L, index + 1)) {
    result->port = static_cast<int>(luaL_checkinteger(L, index + 1));
    return;
  }
  std::string_view host(text, size);
  std::size_t colon;
  if (host.substr(0, 1) == "[") {
    const std::size_t bracket = host.find(']');
    colon = bracket == host.npos ? host.npos : bracket + 1;
    if (colon < size && text[colon] != ':') colon = host.npos;
  } else {
    colon = host.find(':');
  }
  if (colon >= size) luaL_error(L, "Invalid address %s.", text);
  int port = 0;
  bool good = colon + 1 < size;
  for (std::size_t i = colon + 1; good && i < size; ++i) {
    good = text[i] >= '0' && text[i] <= '9';
    port = port * 10 + (text[i] - '0');
    good = good && port <= 65535;
  }
  if (!good) luaL_error(L, "Invalid port in address %s.", text);
  result->port = port;
  host = host.substr(0, colon);
  if (host.substr(0, 1) == "[") host = host.substr(1, host.size() - 2);
  // One that does not fit is too long for any host, and so is the whole text.
  if (host.size() < sizeof(result->copy)) {
    result->copy[host.copy(result->copy, sizeof(result->copy) - 1)] = '\0';
    result->host = result->copy;
  }
}

// udp_address(binary) -> ip, port
int l_udp_address(lua_State* L) {
  std::size_t size = 0;
  const char* binary = luaL_checklstring(L, 1, &size);
  char host[64];
  int port = 0;
  bool good = false;
  {
    const std::optional<Address> address = Address::decode({binary, size});
    if (address) {
      good = true;
      port = address->port();
      host[address->host_text().copy(host, sizeof(host) - 1)] = '\0';
    }
  }
  if (!good) return luaL_error(L, "Invalid udp address");
  lua_pushstring(L, host);
  lua_pushinteger(L, port);
  return 2;
}

// resolve(host) -> list of numeric addresses
int l_resolve(lua_State* L) {
  const char* host = luaL_checkstring(L, 1);
  char text[4096];
  if (!resolve_host(host, text, sizeof(text))) return luaL_error(L, "%s", text);
  lua_newtable(L);
  int count = 0;
  for (const char* start = text; const char* end = std::strchr(start, ' '); start = end + 1) {
    lua_pushlstring(L, start, static_cast<std::size_t>(end - start));
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

// ---- making and using sockets ------------------------------------------------------------------

// connect(host[, port]) -> id
int l_connect(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  if (address.port == 0) return luaL_error(L, "Invalid port");
  lua_pushinteger(L, skynet_socket_connect(context(L), address.host, address.port));
  return 1;
}

// listen(host[, port[, backlog]]) -> id; the backlog is 1024 unless it is given
int l_listen(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  const int backlog = static_cast<int>(luaL_optinteger(L, 3, kBacklog));
  const int id = skynet_socket_listen(context(L), address.host, address.port, backlog);
  if (id < 0) return luaL_error(L, "Listen error");
  lua_pushinteger(L, id);
  return 1;
}

// bind(os_fd) -> id
int l_bind(lua_State* L) {
  lua_pushinteger(L, skynet_socket_bind(context(L), check_id(L, 1)));
  return 1;
}

// start(id), pause(id), close(id), shutdown(id), nodelay(id)
template <void (*Function)(skynet_context*, int)>
int l_control(lua_State* L) {
  Function(context(L), check_id(L, 1));
  return 0;
}

// ---- sending -----------------------------------------------------------------------------------

struct Payload {
  socket_sendbuffer buffer;
  char joined[4096];  // a short list of strings, put together
};

// The bytes of element `i` of the list at `index`, which is pushed; false at the end of the list.
bool push_element(lua_State* L, int index, int i, std::string_view* bytes) {
  lua_rawgeti(L, index, i);
  std::size_t size = 0;
  const char* text = lua_tolstring(L, -1, &size);
  if (text == nullptr && !lua_isnil(L, -1)) {
    luaL_error(L, "string expected, got %s as element %d of the list", luaL_typename(L, -1), i);
  }
  *bytes = {text, size};
  return text != nullptr;
}

void join_list(lua_State* L, int index, Payload* payload) {
  std::size_t total = 0;
  std::string_view bytes;
  for (int i = 1; push_element(L, index, i, &bytes); ++i) {
    total += bytes.size();
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  char* to = total <= sizeof(payload->joined)
                 ? payload->joined
                 : static_cast<char*>(lua_newuserdatauv(L, total, 0));
  payload->buffer.buffer = to;
  payload->buffer.sz = total;
  std::size_t left = total;
  for (int i = 1; push_element(L, index, i, &bytes); ++i) {
    const std::size_t copied = bytes.copy(to, left);
    to += copied;
    left -= copied;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

// The bytes to send, at `index` and, for memory, their number behind it.
void check_payload(lua_State* L, int index, int id, Payload* payload) {
  socket_sendbuffer& buffer = payload->buffer;
  buffer.id = id;
  buffer.type = SOCKET_BUFFER_RAWPOINTER;
  switch (lua_type(L, index)) {
    case LUA_TSTRING:
      buffer.buffer = lua_tolstring(L, index, &buffer.sz);
      break;
    case LUA_TLIGHTUSERDATA: {
      const lua_Integer size = luaL_checkinteger(L, index + 1);
      if (size < 0) luaL_error(L, "the size of the memory to send is %d", static_cast<int>(size));
      buffer.type = SOCKET_BUFFER_MEMORY;
      buffer.buffer = lua_touserdata(L, index);
      buffer.sz = static_cast<std::size_t>(size);
      break;
    }
    case LUA_TUSERDATA: {
      const std::size_t all = lua_rawlen(L, index);
      const auto size = static_cast<std::size_t>(luaL_optinteger(L, index + 1, static_cast<lua_Integer>(all)));
      if (size > all) luaL_error(L, "the userdata to send has %d bytes only", static_cast<int>(all));
      buffer.buffer = lua_touserdata(L, index);
      buffer.sz = size;
      break;
    }
    case LUA_TTABLE:
      join_list(L, index, payload);
      break;
    default:
      buffer.buffer = luaL_checklstring(L, index, &buffer.sz);
  }
}

// send(id, data[, size]), lsend(id, data[, size]) -> boolean
template <int (*Send)(skynet_context*, socket_sendbuffer*)>
int l_send(lua_State* L) {
  Payload payload;
  check_payload(L, 2, check_id(L, 1), &payload);
  lua_pushboolean(L, Send(context(L), &payload.buffer) == 0);
  return 1;
}

// ---- udp ---------------------------------------------------------------------------------------

// udp([host, port]) -> id
int l_udp(lua_State* L) {
  HostPort address = {};
  if (!lua_isnoneornil(L, 1)) {
    check_address(L, 1, &address);
  } else {
    address.port = static_cast<int>(luaL_optinteger(L, 2, 0));
  }
  const int id = skynet_socket_udp(context(L), address.host, address.port);
  if (id < 0) return luaL_error(L, "udp init failed");
  lua_pushinteger(L, id);
  return 1;
}

// udp_connect(id, host[, port])
int l_udp_connect(lua_State* L) {
  HostPort address;
  check_address(L, 2, &address);
  if (skynet_socket_udp_connect(context(L), check_id(L, 1), address.host, address.port) != 0) {
    return luaL_error(L, "udp connect failed");
  }
  return 0;
}

// udp_dial(host[, port]) -> id
int l_udp_dial(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  const int id = skynet_socket_udp_dial(context(L), address.host, address.port);
  if (id < 0) return luaL_error(L, "udp dial host failed");
  lua_pushinteger(L, id);
  return 1;
}

// udp_listen(host[, port]) -> id
int l_udp_listen(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  const int id = skynet_socket_udp_listen(context(L), address.host, address.port);
  if (id < 0) return luaL_error(L, "udp listen host failed");
  lua_pushinteger(L, id);
  return 1;
}

// udp_send(id, binary address, data[, size]) -> boolean
int l_udp_send(lua_State* L) {
  const int id = check_id(L, 1);
  std::size_t size = 0;
  const char* address = luaL_checklstring(L, 2, &size);
  Payload payload;
  check_payload(L, 3, id, &payload);
  // An address of a wrong length must not be read beyond its end: the terminator is no family.
  const bool whole = size > 0 && size == Address::encoded_size(address[0]);
  const int result = skynet_socket_udp_sendbuffer(context(L), whole ? address : "", &payload.buffer);
  lua_pushboolean(L, result == 0);
  return 1;
}

// ---- statistics --------------------------------------------------------------------------------

// A list of sockets, in the hands of the collector while a table is made of it.
struct InfoList {
  static constexpr const char* kLuaType = "skynet.socketdriver.info";
  socket_info* first;
};

int l_release_info(lua_State* L) {
  InfoList& list = check_object<InfoList>(L, 1);
  socket_info_release(list.first);
  list.first = nullptr;
  return 0;
}

void set_integer(lua_State* L, const char* key, std::uint64_t value) {
  lua_pushinteger(L, static_cast<lua_Integer>(value));
  lua_setfield(L, -2, key);
}

void set_string(lua_State* L, const char* key, const char* value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

void set_boolean(lua_State* L, const char* key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

void push_info(lua_State* L, const socket_info& info) {
  static constexpr const char* kTypes[] = {"UNKNOWN", "LISTEN", "TCP", "UDP", "BIND", "CLOSING"};
  lua_createtable(L, 0, 12);
  set_integer(L, "id", static_cast<std::uint64_t>(info.id));
  set_integer(L, "address", info.opaque);
  set_string(L, "type", kTypes[info.type]);
  set_integer(L, "rtime", info.rtime);
  if (info.type == SOCKET_INFO_LISTEN) {
    set_integer(L, "accept", info.read);
    set_string(L, "sock", info.name);
    return;
  }
  set_integer(L, "read", info.read);
  set_integer(L, "write", info.write);
  set_integer(L, "wtime", info.wtime);
  set_integer(L, "wbuffer", static_cast<std::uint64_t>(info.wbuffer));
  set_boolean(L, "reading", info.reading != 0);
  set_boolean(L, "writing", info.writing != 0);
  if (info.name[0] != '\0') set_string(L, "peer", info.name);
}

// info() -> list of tables
int l_info(lua_State* L) {
  auto* list = static_cast<InfoList*>(lua_newuserdatauv(L, sizeof(InfoList), 0));
  list->first = nullptr;
  if (luaL_newmetatable(L, InfoList::kLuaType)) {
    lua_pushcfunction(L, l_release_info);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  list->first = skynet_socket_info();
  lua_newtable(L);
  int count = 0;
  for (const socket_info* info = list->first; info != nullptr; info = info->next) {
    push_info(L, *info);
    lua_rawseti(L, -2, ++count);
  }
  socket_info_release(list->first);
  list->first = nullptr;
  return 1;
}

// ---- receive buffers ---------------------------------------------------------------------------
// Their second argument, a table of the caller's, is not needed here; readline takes its absence for a question.

ReceiveBuffer* to_buffer(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return nullptr;
  const bool same = lua_rawequal(L, -1, lua_upvalueindex(2)) != 0;
  lua_pop(L, 1);
  return same ? static_cast<ReceiveBuffer*>(lua_touserdata(L, index)) : nullptr;
}

ReceiveBuffer& check_buffer(lua_State* L) {
  ReceiveBuffer* buffer = to_buffer(L, 1);
  if (buffer == nullptr) luaL_error(L, "Need buffer object at param 1");
  return *buffer;
}

// buffer() -> buffer
int l_buffer(lua_State* L) {
  new (lua_newuserdatauv(L, sizeof(ReceiveBuffer), 0)) ReceiveBuffer;
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_setmetatable(L, -2);
  return 1;
}

int l_destroy_buffer(lua_State* L) {
  static_cast<ReceiveBuffer*>(lua_touserdata(L, 1))->clear();
  return 0;
}

// push(buffer, pool, pointer, size) -> bytes held. The block changes hands even when this raises.
int l_push(lua_State* L) {
  ReceiveBuffer* buffer = to_buffer(L, 1);
  auto* block = lua_islightuserdata(L, 3) ? static_cast<char*>(lua_touserdata(L, 3)) : nullptr;
  const bool sized = lua_isnumber(L, 4) != 0;
  if (buffer == nullptr || !sized) std::free(block);
  if (buffer == nullptr) return luaL_error(L, "need buffer object at param 1");
  if (block == nullptr) return luaL_error(L, "need message block at param 3");
  if (!sized) return luaL_error(L, "need the size of the block at param 4");
  buffer->push(block, static_cast<std::size_t>(lua_tointeger(L, 4)));
  lua_pushinteger(L, static_cast<lua_Integer>(buffer->bytes()));
  return 1;
}

// Pushes the first `count` bytes as a string, and drops them.
void push_front(lua_State* L, ReceiveBuffer& buffer, std::size_t count) {
  const std::string_view bytes = count == 0 ? std::string_view("") : buffer.front(count);
  lua_pushlstring(L, bytes.data(), bytes.size());  // may raise: nothing has been dropped yet
  buffer.consume(count);
}

// pop(buffer, pool, n) -> string, left | nil, held
int l_pop(lua_State* L) {
  ReceiveBuffer& buffer = check_buffer(L);
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
  ReceiveBuffer& buffer = check_buffer(L);
  push_front(L, buffer, buffer.bytes());
  return 1;
}

// readline(buffer, pool, separator) -> string | nothing;  readline(buffer, nil, separator) -> true | nothing
int l_readline(lua_State* L) {
  ReceiveBuffer& buffer = check_buffer(L);
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

// clear(buffer | nil, pool)
int l_clear(lua_State* L) {
  if (lua_isnoneornil(L, 1)) return 0;
  check_buffer(L).clear();
  return 0;
}

// drop(pointer, size): frees a received block
int l_drop(lua_State* L) {
  std::free(lua_touserdata(L, 1));
  return 0;
}

// str2p(string) -> pointer, size
int l_str2p(lua_State* L) {
  std::size_t size = 0;
  const char* bytes = luaL_checklstring(L, 1, &size);
  void* copy = std::malloc(std::max<std::size_t>(size, 1));
  std::memcpy(copy, bytes, size);
  lua_pushlightuserdata(L, copy);
  lua_pushinteger(L, static_cast<lua_Integer>(size));
  return 2;
}

// header(string of 1 to 4 bytes) -> big-endian number
int l_header(lua_State* L) {
  std::size_t size = 0;
  const char* bytes = luaL_checklstring(L, 1, &size);
  if (size == 0 || size > 4) return luaL_error(L, "Invalid read %s", bytes);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  lua_pushinteger(L, static_cast<lua_Integer>(value));
  return 1;
}

}  // namespace

int open_socketdriver(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"unpack", l_unpack},
      {"connect", l_connect},
      {"listen", l_listen},
      {"bind", l_bind},
      {"start", l_control<skynet_socket_start>},
      {"pause", l_control<skynet_socket_pause>},
      {"close", l_control<skynet_socket_close>},
      {"shutdown", l_control<skynet_socket_shutdown>},
      {"nodelay", l_control<skynet_socket_nodelay>},
      {"send", l_send<skynet_socket_sendbuffer>},
      {"lsend", l_send<skynet_socket_sendbuffer_lowpriority>},
      {"udp", l_udp},
      {"udp_connect", l_udp_connect},
      {"udp_dial", l_udp_dial},
      {"udp_listen", l_udp_listen},
      {"udp_send", l_udp_send},
      {"udp_address", l_udp_address},
      {"resolve", l_resolve},
      {"info", l_info},
      {"buffer", l_buffer},
      {"push", l_push},
      {"pop", l_pop},
      {"readall", l_readall},
      {"readline", l_readline},
      {"clear", l_clear},
      {"drop", l_drop},
      {"str2p", l_str2p},
      {"header", l_header},
      {nullptr, nullptr},
  };
  luaL_newlibtable(L, kFunctions);
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  if (lua_touserdata(L, -1) == nullptr) {
    return luaL_error(L, "skynet.socketdriver: this state belongs to no service");
  }
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, l_destroy_buffer);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "skynet.socketdriver.buffer");
  lua_setfield(L, -2, "__metatable");  // the collector's function is not for others
  luaL_setfuncs(L, kFunctions, 2);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
