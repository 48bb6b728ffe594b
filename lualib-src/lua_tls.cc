// ltls.c and ltls.init.c: TLS over memory, for http.tlshelper. The interface is described in
// lualib/meta/ltls.lua.
#include <atomic>
#include <cstring>

#include "lua/c_string.h"
#include "lua/engine.h"
#include "object.h"
#include "scratch.h"
#include "skynet.h"
#include "tls/context.h"
#include "tls/session.h"

// Absent in a stand-alone interpreter, which may use this module as well.
extern "C" __attribute__((weak)) const char* skynet_command(skynet_context* context,
                                                            const char* command,
                                                            const char* parameter);

namespace runtime::RUNTIME_ENGINE {

namespace {

struct LuaContext : tls::Context {
  static constexpr const char* kLuaType = "ltls.context";
};

struct LuaSession : tls::Session {
  static constexpr const char* kLuaType = "ltls.session";
  LuaSession(tls::Role role, SSL_CTX* ctx) noexcept : tls::Session(role, ctx) {}
};

constexpr std::size_t kMaxRecord = 16384;  // of plain bytes

void check(lua_State* L, const tls::Outcome& outcome) {
  if (!outcome.ok) luaL_error(L, "%s", outcome.text);
}

// An argument that may be absent; `missing` is the error then.
const char* need_string(lua_State* L, int index, const char* missing) {
  if (lua_isnoneornil(L, index)) luaL_error(L, "%s", missing);
  return check_c_string(L, index);
}

// ---- contexts -----------------------------------------------------------------------------------

LuaContext& check_context(lua_State* L, int index) { return check_object<LuaContext>(L, index); }

// ctx:set_cert(certfile, keyfile)
int l_set_cert(lua_State* L) {
  LuaContext& context = self<LuaContext>(L, 1);
  const char* chain = need_string(L, 2, "need certfile");
  const char* key = need_string(L, 3, "need private key");
  check(L, context.use_certificate(chain, key));
  return 0;
}

int l_set_ciphers(lua_State* L) {
  LuaContext& context = self<LuaContext>(L, 1);
  check(L, context.use_ciphers(need_string(L, 2, "need cipher list")));
  return 0;
}

void set_verify(lua_State* L, LuaContext& context, bool verify, int ca_file, int ca_path) {
  if (!verify) return context.trust_anybody();
  check(L, context.verify_peers(opt_c_string(L, ca_file),
                                opt_c_string(L, ca_path)));
}

// ctx:set_verify(verify [, cafile [, capath]])
int l_set_verify(lua_State* L) {
  set_verify(L, self<LuaContext>(L, 1), lua_toboolean(L, 2), 3, 4);
  return 0;
}

// The list of names at `index`, each with its length in front.
void set_alpn(lua_State* L, LuaContext& context, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  index = lua_absindex(L, index);
  Scratch list(L);
  const int count = static_cast<int>(lua_rawlen(L, index));
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, i);
    std::size_t size = 0;
    const char* name = lua_tolstring(L, -1, &size);
    if (name == nullptr || size == 0 || size > 255) {
      luaL_error(L, "protocol %d of the list is not a name of 1 to 255 bytes", i);
    }
    const char length = static_cast<char>(size);
    list.append({&length, 1});
    list.append({name, size});
    lua_pop(L, 1);
  }
  check(L, context.use_protocols({list.data(), list.size()}));
  lua_pop(L, 1);
}

// ctx:set_alpn { "h2", "http/1.1" }
int l_set_alpn(lua_State* L) {
  set_alpn(L, self<LuaContext>(L, 1), 2);
  return 0;
}

// ctx:add_name(name, other)
int l_add_name(lua_State* L) {
  LuaContext& context = self<LuaContext>(L, 1);
  const char* name = check_c_string(L, 2);
  check(L, context.add_name(name, self<LuaContext>(L, 3)));
  return 0;
}

// ctx = newctx([options])
int l_newctx(lua_State* L) {
  if (!lua_isnoneornil(L, 1)) luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  LuaContext& context = push_object<LuaContext>(L);
  if (!context.is_valid()) check(L, tls::failure("SSL_CTX_new", 0));
  if (!lua_istable(L, 1)) return 1;
  lua_getfield(L, 1, "verify");
  lua_getfield(L, 1, "cafile");
  lua_getfield(L, 1, "capath");
  set_verify(L, context, lua_toboolean(L, -3), lua_gettop(L) - 1, lua_gettop(L));
  lua_getfield(L, 1, "alpn");
  if (!lua_isnil(L, -1)) set_alpn(L, context, -1);
  lua_settop(L, 2);
  return 1;
}

// ---- sessions -----------------------------------------------------------------------------------

LuaSession& check_session(lua_State* L) {
  LuaSession& session = self<LuaSession>(L, 1);
  if (!session.is_open()) luaL_error(L, "context is closed");
  return session;
}

// tls = newtls(method, ctx [, hostname])
int l_newtls(lua_State* L) {
  const char* method = luaL_checkstring(L, 1);
  const bool is_client = std::strcmp(method, "client") == 0;
  if (!is_client && std::strcmp(method, "server") != 0) {
    return luaL_error(L, "invalid method:%s e.g[server, client]", method);
  }
  if (lua_isnoneornil(L, 2)) return luaL_error(L, "need sslctx");
  LuaContext& context = check_context(L, 2);
  const char* host = opt_c_string(L, 3);
  LuaSession& session =
      push_object<LuaSession>(L, is_client ? tls::Role::client : tls::Role::server, context.get());
  if (!session.is_open()) check(L, tls::failure("SSL_new", 0));
  if (is_client && host != nullptr && !session.set_host(host)) {
    return luaL_error(L, "the host name cannot be used: %s", host);
  }
  return 1;
}

// Pushes what is to be sent; the bytes are gone from the session only when Lua has them.
void push_outgoing(lua_State* L, LuaSession& session) {
  const std::string_view bytes = session.outgoing();
  lua_pushlstring(L, bytes.data(), bytes.size());
  session.drop_outgoing();
}

std::string_view optional_bytes(lua_State* L, int index) {
  std::size_t size = 0;
  const char* bytes = luaL_optlstring(L, index, "", &size);
  return {bytes, size};
}

// bytes | nothing = tls:handshake([bytes])
int l_handshake(lua_State* L) {
  LuaSession& session = check_session(L);
  const std::string_view bytes = optional_bytes(L, 2);
  if (session.is_finished()) return luaL_error(L, "handshake is finished");
  session.feed(bytes);
  check(L, session.handshake());
  if (session.outgoing().empty()) return 0;
  push_outgoing(L, session);
  return 1;
}

int l_finished(lua_State* L) {
  lua_pushboolean(L, check_session(L).is_finished());
  return 1;
}

// bytes = tls:write([plain])
int l_write(lua_State* L) {
  LuaSession& session = check_session(L);
  check(L, session.write(optional_bytes(L, 2)));
  push_outgoing(L, session);
  return 1;
}

// plain = tls:read([bytes])
int l_read(lua_State* L) {
  LuaSession& session = check_session(L);
  session.feed(optional_bytes(L, 2));
  Scratch plain(L);
  for (;;) {
    std::size_t size = 0;
    const tls::Outcome outcome = session.read(plain.prepare(kMaxRecord), kMaxRecord, &size);
    // What was right before a bad record is given out first; the next call meets the failure again.
    if (!outcome.ok && plain.size() == 0) check(L, outcome);
    if (size == 0) break;
    plain.add(size);
  }
  plain.push();
  return 1;
}

// bytes = tls:shutdown()
int l_shutdown(lua_State* L) {
  LuaSession& session = check_session(L);
  session.end();
  push_outgoing(L, session);
  return 1;
}

int l_ended(lua_State* L) {
  lua_pushboolean(L, check_session(L).is_ended());
  return 1;
}

int l_close(lua_State* L) {
  self<LuaSession>(L, 1).close();
  return 0;
}

int l_set_ext_host_name(lua_State* L) {
  LuaSession& session = check_session(L);
  lua_pushinteger(L, session.ask_for_name(check_c_string(L, 2)));
  return 1;
}

int push_optional(lua_State* L, std::string_view text) {
  if (text.empty()) return 0;
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

int l_alpn(lua_State* L) { return push_optional(L, check_session(L).protocol()); }
int l_server_name(lua_State* L) { return push_optional(L, check_session(L).asked_name()); }
int l_version(lua_State* L) { return push_optional(L, check_session(L).version()); }

// ---- loading ------------------------------------------------------------------------------------

// Set by ltls.init.c. The config is asked as well: the bootstrap, which calls constructor(), runs
// on one engine only, and this file is loaded once for each.
std::atomic<bool> constructed = false;

bool enabled_by_config(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  auto* const context = static_cast<skynet_context*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  if (context == nullptr || skynet_command == nullptr) return false;
  const char* value = skynet_command(context, "GETENV", "enablessl");
  return value != nullptr && std::strcmp(value, "true") == 0;
}

int l_constructor(lua_State*) {
  constructed = true;
  return 0;
}

int l_destructor(lua_State*) {
  constructed = false;
  return 0;
}

}  // namespace

int open_tls(lua_State* L) {
  if (!constructed && !enabled_by_config(L)) {
    return luaL_error(L, "ltls need init, Put enablessl = true in you config file.");
  }
  constexpr luaL_Reg kOfContext[] = {
      {"set_cert", l_set_cert}, {"set_ciphers", l_set_ciphers}, {"set_verify", l_set_verify},
      {"set_alpn", l_set_alpn}, {"add_name", l_add_name},       {nullptr, nullptr},
  };
  constexpr luaL_Reg kOfSession[] = {
      {"handshake", l_handshake}, {"finished", l_finished},
      {"write", l_write},         {"read", l_read},
      {"shutdown", l_shutdown},   {"ended", l_ended},
      {"close", l_close},         {"set_ext_host_name", l_set_ext_host_name},
      {"alpn", l_alpn},           {"server_name", l_server_name},
      {"version", l_version},     {nullptr, nullptr},
  };
  constexpr luaL_Reg kNewContext[] = {{"newctx", l_newctx}, {nullptr, nullptr}};
  constexpr luaL_Reg kNewSession[] = {{"newtls", l_newtls}, {nullptr, nullptr}};
  define_type<LuaContext>(L, kOfContext);
  define_type<LuaSession>(L, kOfSession);
  lua_newtable(L);
  set_functions<LuaContext>(L, kNewContext);
  set_functions<LuaSession>(L, kNewSession);
  return 1;
}

int open_tls_init(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {
      {"constructor", l_constructor}, {"destructor", l_destructor}, {nullptr, nullptr}};
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(ltls_c, open_tls)
RUNTIME_LUA_OPEN(ltls_init_c, open_tls_init)
