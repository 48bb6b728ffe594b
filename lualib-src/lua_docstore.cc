// skynet.docstore.core: the document store of the service docstore. The interface is described in
// lualib/meta/docstore.lua.
#include <string>

#include "docstore/server.h"
#include "lua/c_string.h"
#include "object.h"
#include "skynet.h"
#include "skynet_server.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

skynet_context* context(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  auto* context = static_cast<skynet_context*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  if (context == nullptr) luaL_error(L, "skynet.docstore.core: this state belongs to no service");
  return context;
}

// A server that sees the messages of its service while it lives.
struct LuaServer : docstore::Server {
  static constexpr const char* kLuaType = "skynet.docstore.server";
  explicit LuaServer(skynet_context* context) noexcept : Server(context), context_(context) {
    runtime_set_filter(context, this, on_message);
  }
  ~LuaServer() { runtime_set_filter(context_, nullptr, nullptr); }

 private:
  static int on_message(skynet_context*, void* self, int type, int session, std::uint32_t source,
                        void* message, std::size_t size) {
    return static_cast<LuaServer*>(self)->take(type, session, source, message, size) ? 1 : 0;
  }

  skynet_context* const context_;
};

// What went wrong, cut; nothing else than bytes, because a raise passes it.
struct Text {
  char bytes[512] = {};
};

Text open_store(LuaServer& server, const char* file, const char* synchronous, const char* user,
                const char* password) noexcept {
  const std::string wrong = server.open({file, synchronous, user, password});
  Text text;
  wrong.copy(text.bytes, sizeof(text.bytes) - 1);
  return text;
}

// open(file, synchronous, user, password) -> server; or nil, what is wrong
int l_open(lua_State* L) {
  const char* file = check_c_string(L, 1);
  const char* synchronous = check_c_string(L, 2);
  const char* user = check_c_string(L, 3);
  const char* password = check_c_string(L, 4);
  LuaServer& server = push_object<LuaServer>(L, context(L));
  const Text wrong = open_store(server, file, synchronous, user, password);
  if (wrong.bytes[0] == '\0') return 1;
  lua_pushnil(L);
  lua_pushstring(L, wrong.bytes);
  return 2;
}

void accept_socket(LuaServer& server, int socket, const char* address) noexcept {
  server.accept(socket, address);
}

// server:accept(socket, address)
int l_accept(lua_State* L) {
  auto& server = self<LuaServer>(L, 1);
  const int socket = static_cast<int>(luaL_checkinteger(L, 2));
  accept_socket(server, socket, check_c_string(L, 3));
  return 0;
}

// server:connections() -> count
int l_connections(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(self<LuaServer>(L, 1).connections()));
  return 1;
}

}  // namespace

int open_docstore(lua_State* L) {
  static constexpr luaL_Reg kMethods[] = {
      {"accept", l_accept}, {"connections", l_connections}, {nullptr, nullptr}};
  static constexpr luaL_Reg kFunctions[] = {{"open", l_open}, {nullptr, nullptr}};
  define_type<LuaServer>(L, kMethods);
  lua_newtable(L);
  set_functions<LuaServer>(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(skynet_docstore_core, open_docstore)
