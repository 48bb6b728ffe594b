// Any bytes as JSON. What can be read is written, read and written again, which must give the same
// text, but for the order of the members of objects.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
int luaopen_cjson(lua_State* L);
}

namespace {

// A state with the module at stack slot 1. Infinities and NaN pass, as the reader takes them.
lua_State* open_state() {
  lua_State* L = luaL_newstate();
  luaL_requiref(L, "cjson", luaopen_cjson, 0);
  lua_getfield(L, 1, "encode_invalid_numbers");
  lua_pushboolean(L, 1);
  lua_call(L, 1, 0);
  return L;
}

// Replaces the value on top by what a function of the module makes of it; false when that raises.
bool convert(lua_State* L, const char* function) {
  lua_getfield(L, 1, function);
  lua_insert(L, -2);
  return lua_pcall(L, 1, 1, 0) == LUA_OK;
}

std::string sorted(lua_State* L) {
  std::size_t size = 0;
  const char* data = lua_tolstring(L, -1, &size);
  std::string text(data, size);
  std::sort(text.begin(), text.end());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static lua_State* const L = open_state();
  lua_settop(L, 1);
  lua_pushlstring(L, reinterpret_cast<const char*>(data), size);
  if (!convert(L, "decode")) return 0;
  if (!convert(L, "encode")) std::abort();
  const std::string first = sorted(L);
  if (!convert(L, "decode") || !convert(L, "encode")) std::abort();
  if (sorted(L) != first) std::abort();
  return 0;
}
