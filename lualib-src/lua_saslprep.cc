// require "skynet.saslprep": one function, which brings a password into the form that SCRAM-SHA-256 wants (RFC 4013).
// A module of its own, as it needs libidn and most passwords are ASCII.
//
//   text = saslprep(text)         raises for what no password may contain
#include <stringprep.h>

#include "lua/c_string.h"
#include "lua/engine.h"
#include "scratch.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

constexpr std::size_t kLongest = 4096;
// U+FDFA becomes 18 characters.
constexpr std::size_t kMostGrowth = 20;

int l_saslprep(lua_State* L) {
  const char* text = check_c_string(L, 1);
  const std::size_t size = std::strlen(text);
  luaL_argcheck(L, size <= kLongest, 1, "longer than 4096 bytes");
  Scratch out(L);
  const std::size_t room = size * kMostGrowth + 1;
  char* const to = out.prepare(room);
  std::memcpy(to, text, size + 1);
  const int result = stringprep(to, room, Stringprep_profile_flags{}, stringprep_saslprep);
  if (result != STRINGPREP_OK) {
    return luaL_error(L, "saslprep: %s", stringprep_strerror(static_cast<Stringprep_rc>(result)));
  }
  out.add(std::strlen(to));
  out.push();
  return 1;
}

}  // namespace

int open_saslprep(lua_State* L) {
  lua_pushcfunction(L, l_saslprep);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(skynet_saslprep, open_saslprep)
