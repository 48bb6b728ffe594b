// What the files of native functions over a TaskScheduler share: lua_messages.cc (sending, calling,
// answering), lua_waiting.cc (sleeping, forking, timers), lua_task_tools.cc (looking at tasks,
// ending them), lua_native.cc (the modules that they make).
//
// The functions have no upvalues, so that on Lua 5.4 they cost a service no memory: what they work
// on is found through the state itself.
#pragma once

#include "lua/engine.h"
#include "lua/lua_service.h"
#include "lua/shared_api.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

inline TaskScheduler& scheduler(lua_State* L) { return *LuaService::of(L).tasks(); }

// The task that is about to block. Raises where a yield is not possible, before anything is
// registered for it.
inline Task& blocking_task(lua_State* L, TaskScheduler& tasks) {
  Task* task = tasks.current();
  if (task == nullptr) luaL_error(L, "attempt to yield from outside a coroutine");
  if (!lua_isyieldable(L)) luaL_error(L, "attempt to yield across a C-call boundary");
  return *task;
}
inline Task& blocking_task(lua_State* L) { return blocking_task(L, scheduler(L)); }

// Yields. The task's own coroutine yields nothing: the scheduler knows. An inner one tells whoever
// drives it (lualib/skynet/coroutine.lua).
inline int suspend(lua_State* L, TaskScheduler& tasks, const Task& task) {
  tasks.block();
  if (task.co == L) return lua_yield(L, 0);
  tasks.push_reference(L, tasks.refs.suspend);
  return lua_yield(L, 1);
}
inline int suspend(lua_State* L, const Task& task) { return suspend(L, scheduler(L), task); }

// Calls the function below the topmost `arguments` values; for `return return_call(...)`, as it returns the whole stack.
// On Lua 5.4 the function may block.
inline int return_call(lua_State* L, int arguments) {
#ifdef RUNTIME_LUA54
  lua_callk(L, arguments, LUA_MULTRET, 0, [](lua_State* S, int, lua_KContext) { return lua_gettop(S); });
#else
  lua_call(L, arguments, LUA_MULTRET);
#endif
  return lua_gettop(L);
}

// Makes the task wait on the token at index 1 until wakeup(token); suspend() follows. Raises for a
// token that somebody waits on already. (lua_waiting.cc)
void begin_wait(lua_State* L, Task& task);

// Makes the current task wait for bytes, or until wakeup() of its coroutine; suspend() follows. False, with nothing
// done, where that is not as simple: in a coroutine within the task, where another one waits for that socket, or where
// the wait is to raise. (lua_waiting.cc)
bool begin_read(lua_State* L, AwaitedBytes& bytes);

// ---- the functions, by file ----

// Those of skynet.lua that every service uses, and the rest: for its parts and sister modules.
extern const luaL_Reg kMessageFunctions[], kRareMessageFunctions[];  // lua_messages.cc
extern const luaL_Reg kWaitingFunctions[], kRareWaitingFunctions[];  // lua_waiting.cc
extern const luaL_Reg kTaskTools[];                                  // lua_task_tools.cc
extern const lua_CFunction native_send;                              // send()

}  // namespace runtime::RUNTIME_ENGINE
