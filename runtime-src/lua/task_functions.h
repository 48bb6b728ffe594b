// What the two files of native functions over a TaskScheduler share (lua_tasks.cc, lua_task_tools.cc).
#pragma once

#include "lua/engine.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

// Every function has these upvalues.
constexpr int kScheduler = 1;  // light userdata
constexpr int kProtocols = 2;  // table: name and type -> protocol
constexpr int kTokens = 3;     // table: token -> light userdata of the Task
constexpr int kSuspend = 4;    // what a blocked coroutine yields, for those that drive it (skynet.coroutine)
constexpr int kDispatch = 5;   // "dispatch"
constexpr int kUnpack = 6;     // "unpack"
constexpr int kPack = 7;       // "pack"
constexpr int kId = 8;         // "id"
constexpr int kUpvalues = 8;

inline TaskScheduler& scheduler(lua_State* L) {
  return *static_cast<TaskScheduler*>(lua_touserdata(L, lua_upvalueindex(kScheduler)));
}

// The task that is about to block. Raises where a yield is not possible, before anything is registered for it.
inline Task& blocking_task(lua_State* L) {
  Task* task = scheduler(L).current();
  if (task == nullptr) luaL_error(L, "attempt to yield from outside a coroutine");
  if (!lua_isyieldable(L)) luaL_error(L, "attempt to yield across a C-call boundary");
  return *task;
}

// Yields. The task's own coroutine yields nothing: the scheduler knows. An inner one tells whoever drives it.
inline int suspend(lua_State* L, const Task& task) {
  scheduler(L).block();
  if (task.co == L) return lua_yield(L, 0);
  lua_pushvalue(L, lua_upvalueindex(kSuspend));
  return lua_yield(L, 1);
}

// Adds functions to the table at stack slot 1. Their upvalues lie above it, and stay.
inline void add_functions(lua_State* L, const luaL_Reg* functions) {
  luaL_checkstack(L, kUpvalues + 2, nullptr);
  for (int i = 1; i <= kUpvalues + 1; ++i) lua_pushvalue(L, i);
  luaL_setfuncs(L, functions, kUpvalues);
  lua_pop(L, 1);
}

// The same for the tools of skynet.lua (lua_task_tools.cc).
void add_task_tools(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
