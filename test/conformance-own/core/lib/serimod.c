/* A Lua module in C that packs messages, as third parties write them. Also compiled as C++, and for LuaJIT. */
#ifdef RUNTIME_LUAJIT
#define lua_createtable jit_lua_createtable
#define lua_gettop jit_lua_gettop
#define lua_pushcclosure jit_lua_pushcclosure
#define lua_pushnumber jit_lua_pushnumber
#define lua_setfield jit_lua_setfield
#define lua_settop jit_lua_settop
#define lua_tonumber jit_lua_tonumber
#endif
#ifdef __cplusplus
#include <lua.hpp>
#define EXPORT extern "C"
#else
#include <lua.h>
#define EXPORT
#endif
#include "lua-seri.h"

#ifdef RUNTIME_LUAJIT
EXPORT const int runtime_luajit_module;
EXPORT const int runtime_luajit_module = 1;
#else
#undef lua_tonumber
#define lua_tonumber(L, index) lua_tonumberx(L, index, NULL)
#endif

/* sum(packed numbers): the stack is the module's own afterwards */
static int sum(lua_State *L) {
	int count = luaseri_unpack(L);
	int top = lua_gettop(L);
	lua_Number total = 0;
	for (int i = top - count + 1; i <= top; ++i) total += lua_tonumber(L, i);
	lua_settop(L, 0);
	lua_pushnumber(L, total);
	return 1;
}

#define JOIN(a, b) a##b
#define OPEN(name) JOIN(luaopen_, name)

EXPORT int OPEN(NAME)(lua_State *L);
EXPORT int OPEN(NAME)(lua_State *L) {
	lua_createtable(L, 0, 3);
	lua_pushcclosure(L, luaseri_pack, 0);
	lua_setfield(L, -2, "pack");
	lua_pushcclosure(L, luaseri_unpack, 0);
	lua_setfield(L, -2, "unpack");
	lua_pushcclosure(L, sum, 0);
	lua_setfield(L, -2, "sum");
	return 1;
}
