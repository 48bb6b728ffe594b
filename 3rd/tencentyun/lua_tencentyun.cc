// require "tencentyun": user signatures for Tencent Cloud (user_sig.h has the format).
//
//   code, sig, message = tencentyun.gen_sig(sdkappid, identifier, key, expire)
//   code, sig, message = tencentyun.gen_sig_with_userbuf(sdkappid, identifier, key, expire, userbuf)
//
// `code` is 0 and `message` empty for success; `expire` is in seconds from now. Strings end at
// their first NUL, numbers are taken modulo 2^32; so has it always been.
#include <ctime>

#include "held.h"
#include "user_sig.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

// Holds the signature while it becomes a Lua string, which may raise.
struct Result {
  static constexpr const char* kLuaType = "tencentyun.result";
  std::string sig;
};

int push_sig(lua_State* L, bool with_userbuf) {
  tencentyun::Request request;
  request.app_id = static_cast<std::uint32_t>(check_int64(L, 1));
  request.identifier = luaL_checkstring(L, 2);
  request.key = luaL_checkstring(L, 3);
  request.valid_seconds = static_cast<std::int32_t>(check_int64(L, 4));
  if (with_userbuf) request.userbuf = luaL_checkstring(L, 5);
  request.issued_at = std::time(nullptr);
  Result& result = push_held<Result>(L);
  result.sig = tencentyun::make_user_sig(request);
  const bool failed = result.sig.empty();
  lua_pushnumber(L, failed ? -1 : 0);
  lua_pushlstring(L, result.sig.data(), result.sig.size());
  lua_pushstring(L, failed ? "the signature could not be made" : "");
  return 3;
}

int l_gen_sig(lua_State* L) { return push_sig(L, false); }
int l_gen_sig_with_userbuf(lua_State* L) { return push_sig(L, true); }

int open_tencentyun(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"gen_sig", l_gen_sig},
      {"gen_sig_with_userbuf", l_gen_sig_with_userbuf},
      {nullptr, nullptr},
  };
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(tencentyun, open_tencentyun)
