/* The serialization of messages, for Lua modules in C: functions that are called as Lua calls them, with the values to
 * pack, or the message and its size, from index 1 on. They return how many results they have pushed.
 *
 * A module that is built for LuaJIT defines RUNTIME_LUAJIT: each engine has its own. */
#ifndef LUA_SERI_H
#define LUA_SERI_H

struct lua_State;

#ifdef RUNTIME_LUAJIT
#define luaseri_pack jit_luaseri_pack
#define luaseri_unpack jit_luaseri_unpack
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* skynet.pack(...): pushes a light userdata, memory of skynet_malloc() that the caller owns, and its size. */
int luaseri_pack(struct lua_State *L);

/* skynet.unpack(message, size) or skynet.unpack(string): pushes the values. The message stays the caller's. */
int luaseri_unpack(struct lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
