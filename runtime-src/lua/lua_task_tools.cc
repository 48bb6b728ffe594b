// Native functions of skynet.scheduler, for the parts of skynet: looking at tasks, ending them,
// tracing.
#include "lua/task_functions.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// The task that reads what comes over a socket, whose session stands nowhere else; null: none does.
const Task* reader_of(const StreamEntry& entry) {
  const Task* const reader = entry.session != 0 ? entry.bytes->reader : nullptr;
  return reader != nullptr && reader->wait == Wait::bytes ? reader : nullptr;
}

// tasks() -> list of { co = coroutine, session = number } of those that block; co = "BREAK" for an
// ended wait
int l_tasks(lua_State* L) {
  lua_newtable(L);
  int count = 0;
  const auto add = [L, &count](const Task* task, std::int32_t session) {
    if (task != nullptr) {
      push_coroutine(L, task->co);
    } else {
      lua_pushliteral(L, "BREAK");
    }
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "co");
    lua_pushinteger(L, session);
    lua_setfield(L, -2, "session");
    lua_rawseti(L, -2, ++count);
  };
  // By index and with a copy: what is made here may run finalizers, and those may begin to wait.
  const WaitTable& sessions = scheduler(L).sessions();
  for (std::size_t i = 0; i < sessions.places(); ++i) {
    const WaitEntry entry = sessions.place(i);
    if (entry.session != 0) add(scheduler(L).task_of(L, entry.session), entry.session);
  }
  const StreamTable& streams = scheduler(L).streams();
  for (std::size_t i = 0; i < streams.places(); ++i) {
    if (const Task* const reader = reader_of(streams.place(i))) add(reader, reader->waits_for);
  }
  return 1;
}

// blocked() -> how many tasks block
int l_blocked(lua_State* L) {
  lua_Integer count = 0;
  const WaitTable& sessions = scheduler(L).sessions();
  for (std::size_t i = 0; i < sessions.places(); ++i) {
    const WaitEntry& entry = sessions.place(i);
    if (entry.session != 0 && (entry.task != nullptr || entry.function != 0)) ++count;
  }
  const StreamTable& streams = scheduler(L).streams();
  for (std::size_t i = 0; i < streams.places(); ++i) count += reader_of(streams.place(i)) != nullptr;
  lua_pushinteger(L, count);
  return 1;
}

// kill(coroutine) -> whether it was a task that blocks or has not started
int l_kill(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  Task* task = scheduler(L).find(lua_tothread(L, 1));
  lua_pushboolean(L, task != nullptr && scheduler(L).kill(L, task));
  return 1;
}

// is_task(coroutine) -> whether it is that of a task; not that of one that was killed or has raised
int l_is_task(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_pushboolean(L, scheduler(L).find(lua_tothread(L, 1)) != nullptr);
  return 1;
}

// running() -> the current task's coroutine, or nil
int l_running(lua_State* L) {
  const Task* task = scheduler(L).current();
  if (task == nullptr) return 0;
  push_coroutine(L, task->co);
  return 1;
}

// traced(flag): whether the current task has a trace tag; from here on tasks may have one
int l_traced(lua_State* L) {
  if (Task* task = scheduler(L).current()) task->traced = lua_toboolean(L, 1);
  scheduler(L).tracing = true;
  return 0;
}

// adopt{ unknown_response =, unknown_request =, dead =, trace =, channels =,
// channel_dispatch =, channel_unpack = }: what the dispatcher calls and looks into
int l_adopt(lua_State* L) {
  TaskScheduler::References& refs = scheduler(L).refs;
  const auto take = [L](const char* name, int* ref) {
    lua_getfield(L, 1, name);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      return;
    }
    luaL_unref(L, LUA_REGISTRYINDEX, *ref);
    *ref = luaL_ref(L, LUA_REGISTRYINDEX);
  };
  take("unknown_response", &refs.unknown_response);
  take("unknown_request", &refs.unknown_request);
  take("channel_dispatch", &refs.channel_dispatch);
  take("channel_unpack", &refs.channel_unpack);
  take("channels", &refs.channels);
  take("dead", &refs.dead);
  take("trace", &refs.trace);
  return 0;
}

}  // namespace

const luaL_Reg kTaskTools[] = {
    {"tasks", l_tasks},     {"blocked", l_blocked}, {"kill", l_kill},   {"is_task", l_is_task},
    {"running", l_running}, {"traced", l_traced},   {"adopt", l_adopt}, {nullptr, nullptr},
};

}  // namespace runtime::RUNTIME_ENGINE
