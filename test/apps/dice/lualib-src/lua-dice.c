// A die as a full userdata: an xorshift generator of 64 bits. Lua 5.4 only.
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

#define DIE "dice.die"

struct die {
  uint64_t state;
  lua_Integer sides;
};

static int lroll(lua_State* L) {
  struct die* die = luaL_checkudata(L, 1, DIE);
  die->state ^= die->state << 13;
  die->state ^= die->state >> 7;
  die->state ^= die->state << 17;
  lua_pushinteger(L, (lua_Integer)(die->state % (uint64_t)die->sides) + 1);
  return 1;
}

static int lstate(lua_State* L) {
  struct die* die = luaL_checkudata(L, 1, DIE);
  lua_pushinteger(L, (lua_Integer)die->state);
  return 1;
}

static int lowner(lua_State* L) {
  luaL_checkudata(L, 1, DIE);
  lua_getiuservalue(L, 1, 1);
  return 1;
}

// die = dice.new(seed, sides, owner)
static int lnew(lua_State* L) {
  lua_Integer seed = luaL_checkinteger(L, 1);
  lua_Integer sides = luaL_checkinteger(L, 2);
  luaL_argcheck(L, seed != 0, 1, "must not be 0");
  luaL_argcheck(L, sides > 0, 2, "must be positive");
  struct die* die = lua_newuserdatauv(L, sizeof(*die), 1);
  die->state = (uint64_t)seed;
  die->sides = sides;
  lua_pushvalue(L, 3);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, DIE);
  return 1;
}

LUAMOD_API int luaopen_dice_core(lua_State* L) {
  luaL_checkversion(L);
  static const luaL_Reg methods[] = {
      {"roll", lroll},
      {"state", lstate},
      {"owner", lowner},
      {NULL, NULL},
  };
  luaL_newmetatable(L, DIE);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  static const luaL_Reg functions[] = {
      {"new", lnew},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
