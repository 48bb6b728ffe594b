// skynet.socketdriver: the socket server's face for Lua. (lua_socket_buffer.cc: what has been
// received.)
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "api/socket_api.h"
#include "held.h"
#include "lua/builtin_modules.h"
#include "lua/c_string.h"
#include "lua/engine.h"
#include "lua/raw_stack.h"
#include "lua_socket_buffer.h"
#include "net/address.h"
#include "skynet.h"
#include "skynet_socket.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// For listeners that name none. skynet's 32 overflows when a few connections come at once, and each
// that does waits for a second before it is tried again.
constexpr int kBacklog = 1024;

// The service that calls: upvalue 1 of every function here.
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
  const char* text = check_c_string(L, index);
  const std::size_t size = std::strlen(text);
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
  const char* host = check_c_string(L, 1);
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

// Raises "what: host:port: cause" after a call that failed and left the cause in errno.
int raise_address(lua_State* L, const char* what, const HostPort& address) {
  const int error = errno;
  const char* host = address.host != nullptr ? address.host : "";  // udp() may have none
  const bool v6 = std::strchr(host, ':') != nullptr;
  const bool port = address.port >= 0 && address.port <= 65535;
  const char* none = port ? "no address found for this host" : "no such port, the last is 65535";
  return luaL_error(L, v6 ? "%s: [%s]:%d: %s" : "%s: %s:%d: %s", what, host, address.port,
                    error == 0 ? none : std::strerror(error));
}

// connect(host[, port]) -> id | -1, why there can be no socket | -1: the host is too long
int l_connect(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  if (address.port == 0) return luaL_error(L, "Invalid port");
  const int id = skynet_socket_connect(context(L), address.host, address.port);
  const int error = id < 0 ? errno : 0;
  lua_pushinteger(L, id);
  if (id >= 0 || error == EINVAL) return 1;
  lua_pushstring(L, strerror(error));
  return 2;
}

// listen(host[, port[, backlog]]) -> id; the backlog is 1024 unless it is given
int l_listen(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  const int backlog = static_cast<int>(luaL_optinteger(L, 3, kBacklog));
  const int id = skynet_socket_listen(context(L), address.host, address.port, backlog);
  if (id < 0) return raise_address(L, "Listen error", address);
  lua_pushinteger(L, id);
  return 1;
}

// bind(os_fd) -> id
int l_bind(lua_State* L) {
  lua_pushinteger(L, skynet_socket_bind(context(L), check_id(L, 1)));
  return 1;
}

// start(id), pause(id), abandon(id), close(id), close_unstarted(id), close_for(id), shutdown(id), nodelay(id)
template <void (*Function)(skynet_context*, int)>
int l_control(lua_State* L) {
  Function(context(L), check_id(L, 1));
  return 0;
}

// dead_after(id, seconds): the connection ends when its peer has been silent for about so long
int l_dead_after(lua_State* L) {
  const int id = check_id(L, 1);
  const lua_Integer seconds = luaL_checkinteger(L, 2);
  luaL_argcheck(L, seconds > 0 && seconds <= 86400, 2, "1 to 86400 seconds expected");
  runtime_socket_dead_after(id, static_cast<int>(seconds));
  return 0;
}

// sendlimit(id, bytes): a send that would leave more waiting ends the connection with an error; 0: any number may wait
int l_sendlimit(lua_State* L) {
  const int id = check_id(L, 1);
  const lua_Integer bytes = luaL_checkinteger(L, 2);
  luaL_argcheck(L, bytes >= 0, 2, "a limit is not negative");
  runtime_socket_send_limit(id, static_cast<std::size_t>(bytes));
  return 0;
}

// unsent(id) -> bytes that wait to be sent
int l_unsent(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(runtime_socket_unsent(check_id(L, 1))));
  return 1;
}

// acknowledged(id) -> bytes that the peer's host has said it has; nil: the id is no TCP connection
int l_acknowledged(lua_State* L) {
  runtime_send_progress progress;
  if (runtime_socket_progress(check_id(L, 1), &progress) != 0) return 0;
  lua_pushinteger(L, static_cast<lua_Integer>(progress.bytes));
  return 1;
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
  const char* text = to_text(L, -1, &size);
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
  char* to = total <= sizeof(payload->joined) ? payload->joined
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
    case LUA_TSTRING: buffer.buffer = lua_tolstring(L, index, &buffer.sz); break;
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
      const auto size =
          static_cast<std::size_t>(luaL_optinteger(L, index + 1, static_cast<lua_Integer>(all)));
      if (size > all)
        luaL_error(L, "the userdata to send has %d bytes only", static_cast<int>(all));
      buffer.buffer = lua_touserdata(L, index);
      buffer.sz = size;
      break;
    }
    case LUA_TTABLE: join_list(L, index, payload); break;
    default: buffer.buffer = luaL_checklstring(L, index, &buffer.sz);
  }
}

// An id and a string, as nearly all sends have them, where the engine keeps them. False: it is not so.
bool find_text(lua_State* L, socket_sendbuffer* buffer) {
  const RawValues values(L);
  const RawValue* const data = values.find(2);
  if (data == nullptr || data->kind() != RawKind::string) return false;
  buffer->id = static_cast<int>(plain_uint32(values.find(1)));
  if (buffer->id == 0) return false;
  buffer->type = SOCKET_BUFFER_RAWPOINTER;
  buffer->buffer = data->text().data();
  buffer->sz = data->text().size();
  return true;
}

// send(id, data[, size]), lsend(id, data[, size]) -> boolean
template <int (*Send)(skynet_context*, socket_sendbuffer*)>
int l_send(lua_State* L) {
  Payload payload;
  if (!find_text(L, &payload.buffer)) check_payload(L, 2, check_id(L, 1), &payload);
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
  if (id < 0) return raise_address(L, "udp init failed", address);
  lua_pushinteger(L, id);
  return 1;
}

// udp_connect(id, host[, port])
int l_udp_connect(lua_State* L) {
  HostPort address;
  check_address(L, 2, &address);
  if (skynet_socket_udp_connect(context(L), check_id(L, 1), address.host, address.port) != 0) {
    return raise_address(L, "udp connect failed", address);
  }
  return 0;
}

// udp_dial(host[, port]) -> id
int l_udp_dial(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  const int id = skynet_socket_udp_dial(context(L), address.host, address.port);
  if (id < 0) return raise_address(L, "udp dial host failed", address);
  lua_pushinteger(L, id);
  return 1;
}

// udp_listen(host[, port]) -> id
int l_udp_listen(lua_State* L) {
  HostPort address;
  check_address(L, 1, &address);
  const int id = skynet_socket_udp_listen(context(L), address.host, address.port);
  if (id < 0) return raise_address(L, "udp listen host failed", address);
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
  const int result =
      skynet_socket_udp_sendbuffer(context(L), whole ? address : "", &payload.buffer);
  lua_pushboolean(L, result == 0);
  return 1;
}

// ---- statistics --------------------------------------------------------------------------------

// A list of sockets, freed by the collector when a raise interrupts the making of a table of it.
struct InfoList {
  static constexpr const char* kLuaType = "skynet.socketdriver.info";
  socket_info* first = skynet_socket_info();

  ~InfoList() { release(); }
  void release() { socket_info_release(std::exchange(first, nullptr)); }
};

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
  InfoList& list = push_held<InfoList>(L);
  lua_newtable(L);
  int count = 0;
  for (const socket_info* info = list.first; info != nullptr; info = info->next) {
    push_info(L, *info);
    lua_rawseti(L, -2, ++count);
  }
  list.release();  // the collector may take its time
  return 1;
}

// ---- helpers for protocols ----------------------------------------------------------------------

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

const lua_CFunction socket_unpack = l_unpack;

int open_socketdriver(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"unpack", l_unpack},
      {"connect", l_connect},
      {"listen", l_listen},
      {"bind", l_bind},
      {"start", l_control<skynet_socket_start>},
      {"pause", l_control<skynet_socket_pause>},
      {"abandon", l_control<runtime_socket_abandon>},
      {"close", l_control<skynet_socket_close>},
      {"close_unstarted", l_control<runtime_socket_close_unstarted>},
      {"close_for", l_control<runtime_socket_close_for>},
      {"shutdown", l_control<skynet_socket_shutdown>},
      {"nodelay", l_control<skynet_socket_nodelay>},
      {"dead_after", l_dead_after},
      {"sendlimit", l_sendlimit},
      {"acknowledged", l_acknowledged},
      {"unsent", l_unsent},
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
      {"header", l_header},
      {nullptr, nullptr},
  };
  lua_newtable(L);
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  if (lua_touserdata(L, -1) == nullptr) {
    return luaL_error(L, "skynet.socketdriver: this state belongs to no service");
  }
  luaL_setfuncs(L, kFunctions, 1);
  set_buffer_functions(L);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
