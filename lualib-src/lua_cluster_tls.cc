// skynet.cluster.tls: certificates for the links between nodes. The interface is described in lualib/meta/cluster_tls.lua.
#include <cstdio>
#include <memory>

#include "cluster/secure.h"
#include "cluster/tls/credentials.h"
#include "lua/c_string.h"
#include "object.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// It begins with what skynet.cluster.link knows.
struct LuaCredentials : cluster::SecureHandle {
  static constexpr const char* kLuaType = cluster::SecureHandle::kLuaType;
};

struct Loaded {
  bool done;
  char text[512];  // what the certificate is, or why it cannot be used
  char warning[128];
};

void copy(const std::string& from, char* to, std::size_t room) {
  to[from.copy(to, room - 1)] = '\0';
}

Loaded load(LuaCredentials& to, const cluster::CredentialFiles& files, bool verify_names) noexcept {
  const auto credentials = std::make_shared<cluster::Credentials>(verify_names);
  const tls::Outcome outcome = credentials->load(files);
  Loaded loaded = {outcome.ok, {}, {}};
  copy(outcome.ok ? credentials->description() : outcome.text, loaded.text, sizeof loaded.text);
  if (!outcome.ok) return loaded;
  copy(credentials->warning(), loaded.warning, sizeof loaded.warning);
  to.factory = credentials;
  return loaded;
}

// credentials, description[, warning] = load(certificate, key, authority, verify_names); or nil, why
int l_load(lua_State* L) {
  const cluster::CredentialFiles files = {check_c_string(L, 1), check_c_string(L, 2),
                                          check_c_string(L, 3)};
  auto& credentials = push_object<LuaCredentials>(L);
  const Loaded loaded = load(credentials, files, lua_toboolean(L, 4));
  if (!loaded.done) lua_pushnil(L);
  lua_pushstring(L, loaded.text);
  if (!loaded.done || loaded.warning[0] == '\0') return 2;
  lua_pushstring(L, loaded.warning);
  return 3;
}

}  // namespace

int open_cluster_tls(lua_State* L) {
  constexpr luaL_Reg kOfCredentials[] = {{nullptr, nullptr}};
  constexpr luaL_Reg kMake[] = {{"load", l_load}, {nullptr, nullptr}};
  define_type<LuaCredentials>(L, kOfCredentials);
  lua_newtable(L);
  set_functions<LuaCredentials>(L, kMake);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(skynet_cluster_tls, open_cluster_tls)
