// skynet.cluster.link: the links of clustersender and clusteragent, and the table of "@name"s. The interface is
// described in lualib/meta/cluster_link.lua.
#include <string>
#include <utility>

#include "cluster/client_link.h"
#include "cluster/name_table.h"
#include "cluster/secure.h"
#include "cluster/server_link.h"
#include "lua/c_string.h"
#include "object.h"
#include "skynet.h"
#include "skynet_server.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

using cluster::ClientLink;
using cluster::ClientOptions;
using cluster::ServerLink;
using cluster::ServerOptions;

skynet_context* context(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  auto* context = static_cast<skynet_context*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  if (context == nullptr) luaL_error(L, "skynet.cluster.link: this state belongs to no service");
  return context;
}

// A link that sees the messages of its service while it lives.
template <class Link>
class Attached : public Link {
 public:
  template <class... Args>
  explicit Attached(skynet_context* context, Args... args)
      : Link(context, std::move(args)...), context_(context) {
    runtime_set_filter(context, this, on_message);
  }
  ~Attached() { runtime_set_filter(context_, nullptr, nullptr); }

 private:
  static int on_message(skynet_context*, void* self, int type, int session, std::uint32_t source,
                        void* message, std::size_t size) {
    return static_cast<Attached*>(self)->take(type, session, source, message, size) ? 1 : 0;
  }

  skynet_context* const context_;
};

struct Client : Attached<ClientLink> {
  static constexpr const char* kLuaType = "skynet.cluster.client";
  Client(skynet_context* context, const char* node, ClientOptions options) noexcept
      : Attached(context, std::string(node), options) {}
};

struct Server : Attached<ServerLink> {
  static constexpr const char* kLuaType = "skynet.cluster.server";
  Server(skynet_context* context, int socket, const char* peer, int dead_after,
         std::size_t unfinished, std::size_t compress_from) noexcept
      : Attached(context, socket, ServerOptions{peer, dead_after, unfinished, compress_from}) {}
};

void use_factory(const cluster::SecureHandle& handle) noexcept {
  cluster::set_secure_factory(handle.factory);
}

constexpr lua_Integer kMegabyte = 1024 * 1024;

// client(node, dead_after, timeout, unfinished_megabytes, compress_from) -> link
int l_client(lua_State* L) {
  const char* node = check_c_string(L, 1);
  ClientOptions options;
  options.dead_after_seconds = static_cast<int>(luaL_checkinteger(L, 2));
  options.timeout_ticks = static_cast<int>(luaL_checkinteger(L, 3));
  options.unfinished_bytes = static_cast<std::size_t>(luaL_checkinteger(L, 4) * kMegabyte);
  options.compress_from = static_cast<std::size_t>(luaL_checkinteger(L, 5));
  push_object<Client>(L, context(L), node, options);
  return 1;
}

// server(socket, peer, dead_after, unfinished_megabytes, compress_from) -> link
int l_server(lua_State* L) {
  const int socket = static_cast<int>(luaL_checkinteger(L, 1));
  const char* peer = check_c_string(L, 2);
  const int dead_after = static_cast<int>(luaL_checkinteger(L, 3));
  const auto unfinished = static_cast<std::size_t>(luaL_checkinteger(L, 4) * kMegabyte);
  const auto compress_from = static_cast<std::size_t>(luaL_checkinteger(L, 5));
  push_object<Server>(L, context(L), socket, peer, dead_after, unfinished, compress_from);
  return 1;
}

// secure(credentials of skynet.cluster.tls): all connections from now on go through TLS.
int l_secure(lua_State* L) {
  auto* handle =
      static_cast<cluster::SecureHandle*>(luaL_checkudata(L, 1, cluster::SecureHandle::kLuaType));
  use_factory(*handle);
  return 0;
}

void set_address(ClientLink& link, const char* host, int port) noexcept {
  link.set_address(host, port);
}

// link:address(host, port)
int l_address(lua_State* L) {
  auto& link = self<Client>(L, 1);
  const char* host = check_c_string(L, 2);
  set_address(link, host, static_cast<int>(luaL_checkinteger(L, 3)));
  return 0;
}

// link:down(why)
int l_down(lua_State* L) {
  auto& link = self<Client>(L, 1);
  std::size_t size = 0;
  const char* why = luaL_checklstring(L, 2, &size);
  link.set_down({why, size});
  return 0;
}

// link:unknown()
int l_unknown(lua_State* L) {
  self<Client>(L, 1).set_unknown();
  return 0;
}

// link:refuse()
int l_refuse(lua_State* L) {
  self<Server>(L, 1).refuse_requests();
  return 0;
}

void set_count(lua_State* L, const char* key, std::uint64_t value) {
  lua_pushnumber(L, static_cast<lua_Number>(value));
  lua_setfield(L, -2, key);
}

// What can be shown of a link without owning anything: its texts, cut.
struct View {
  const char* state;
  std::uint64_t since, in_flight, bytes_in, bytes_out, requests, errors, connections, saved_in,
      saved_out;
  const char* compression;
  char address[128];
  char tls[32];
  char last_error[256];
};

template <class Link>
View view_of(const Link& link) noexcept {
  const cluster::LinkStatus status = link.status();
  View view = {status.state,
               status.since,
               status.in_flight,
               status.bytes_in,
               status.bytes_out,
               status.requests,
               status.errors,
               status.connections,
               status.saved_in,
               status.saved_out,
               status.compression,
               {},
               {},
               {}};
  status.tls.copy(view.tls, sizeof(view.tls) - 1);
  status.address.copy(view.address, sizeof(view.address) - 1);
  status.last_error.copy(view.last_error, sizeof(view.last_error) - 1);
  return view;
}

void set_text(lua_State* L, const char* key, const char* text) {
  if (*text == '\0') return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

// link:status() -> table
template <class Link>
int l_status(lua_State* L) {
  const View view = view_of(self<Link>(L, 1));
  lua_createtable(L, 0, 16);
  set_text(L, "state", view.state);
  set_count(L, "since", view.since);
  set_count(L, "in_flight", view.in_flight);
  set_count(L, "bytes_in", view.bytes_in);
  set_count(L, "bytes_out", view.bytes_out);
  set_count(L, "requests", view.requests);
  set_count(L, "errors", view.errors);
  set_count(L, "connections", view.connections);
  set_text(L, "compression", view.compression);
  if (*view.compression != '\0' || view.saved_in + view.saved_out > 0) {
    set_count(L, "saved_in", view.saved_in);
    set_count(L, "saved_out", view.saved_out);
  }
  set_text(L, "address", view.address);
  set_text(L, "tls", view.tls);
  set_text(L, "last_error", view.last_error);
  return 1;
}

// ---- names --------------------------------------------------------------------------------------

struct Registered {
  bool done;
  char dropped[256];
};

Registered register_service(std::string_view name, std::uint32_t handle) noexcept {
  std::string dropped;
  Registered result = {};
  result.done = cluster::register_name(name, handle, &dropped);
  dropped.copy(result.dropped, sizeof(result.dropped) - 1);
  return result;
}

// register(name, handle) -> done[, the name that it had]
int l_register(lua_State* L) {
  std::size_t size = 0;
  const char* name = luaL_checklstring(L, 1, &size);
  const auto handle = static_cast<std::uint32_t>(luaL_checkinteger(L, 2));
  const Registered result = register_service({name, size}, handle);
  lua_pushboolean(L, result.done);
  if (result.dropped[0] == '\0') return 1;
  lua_pushstring(L, result.dropped);
  return 2;
}

int push_handle(lua_State* L, std::uint32_t handle) {
  if (handle == 0) return 0;
  lua_pushinteger(L, handle);
  return 1;
}

// unregister(name) -> the handle that had it
int l_unregister(lua_State* L) {
  std::size_t size = 0;
  const char* name = luaL_checklstring(L, 1, &size);
  return push_handle(L, cluster::unregister_name({name, size}));
}

// find(name) -> handle
int l_find(lua_State* L) {
  std::size_t size = 0;
  const char* name = luaL_checklstring(L, 1, &size);
  return push_handle(L, cluster::find_name({name, size}));
}

// lives(handle) -> whether there is such a service
int l_lives(lua_State* L) {
  lua_pushboolean(L, runtime_lives(static_cast<std::uint32_t>(luaL_checkinteger(L, 1))));
  return 1;
}

}  // namespace

int open_cluster_link(lua_State* L) {
  constexpr luaL_Reg kOfClient[] = {
      {"address", l_address},       {"down", l_down},   {"unknown", l_unknown},
      {"status", l_status<Client>}, {nullptr, nullptr},
  };
  constexpr luaL_Reg kOfServer[] = {
      {"status", l_status<Server>}, {"refuse", l_refuse}, {nullptr, nullptr}};
  constexpr luaL_Reg kMakeClient[] = {{"client", l_client}, {nullptr, nullptr}};
  constexpr luaL_Reg kMakeServer[] = {{"server", l_server}, {nullptr, nullptr}};
  constexpr luaL_Reg kNames[] = {
      {"register", l_register}, {"unregister", l_unregister}, {"find", l_find},
      {"secure", l_secure},     {"lives", l_lives},           {nullptr, nullptr},
  };
  define_type<Client>(L, kOfClient);
  define_type<Server>(L, kOfServer);
  luaL_newlib(L, kNames);
  set_functions<Client>(L, kMakeClient);
  set_functions<Server>(L, kMakeServer);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
