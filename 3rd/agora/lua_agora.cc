// require "agora": access tokens for Agora's real-time service (access_token.h has the format).
//
//   token = agora.build_token_with_uid(app_id, certificate, channel, uid, expires_at)
//   token = agora.build_token_with_user_account(app_id, certificate, channel, account, expires_at)
//
// An app id or a certificate that is not 32 hex digits gives "" and the reason, which also goes to
// stderr. Strings end at their first NUL, numbers are taken modulo 2^32; so has it always been.
#include <openssl/rand.h>

#include <cstdio>
#include <ctime>

#include "access_token.h"
#include "lua/engine.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

std::uint32_t check_u32(lua_State* L, int index) {
  return static_cast<std::uint32_t>(check_int64(L, index));
}

// Takes the arguments that both functions share; pushes the token, or "" and the reason.
int push_token(lua_State* L, std::string_view user) {
  char token[agora::kTokenBytes];
  agora::Request request;
  request.app_id = luaL_checkstring(L, 1);
  request.certificate = luaL_checkstring(L, 2);
  request.channel = luaL_checkstring(L, 3);
  request.user = user;
  request.expires_at = check_u32(L, 5);
  request.issued_at = static_cast<std::uint32_t>(std::time(nullptr));
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&request.salt), sizeof(request.salt)) != 1) {
    return luaL_error(L, "agora: no random numbers");
  }
  const char* problem = agora::build_token(request, token);
  if (problem == nullptr) {
    lua_pushlstring(L, token, sizeof(token));
    return 1;
  }
  std::fprintf(stderr, "%s\n", problem);
  lua_pushliteral(L, "");
  lua_pushstring(L, problem);
  return 2;
}

int l_build_token_with_uid(lua_State* L) {
  for (int i = 1; i <= 3; ++i) luaL_checkstring(L, i);  // in the order of the arguments
  const std::uint32_t uid = check_u32(L, 4);
  char user[sizeof("4294967295")] = "";
  if (uid != 0) std::snprintf(user, sizeof(user), "%u", static_cast<unsigned>(uid));
  return push_token(L, user);
}

int l_build_token_with_user_account(lua_State* L) {
  for (int i = 1; i <= 3; ++i) luaL_checkstring(L, i);
  return push_token(L, luaL_checkstring(L, 4));
}

int open_agora(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"build_token_with_uid", l_build_token_with_uid},
      {"build_token_with_user_account", l_build_token_with_user_account},
      {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(agora, open_agora)
