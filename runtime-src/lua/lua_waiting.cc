// Native functions of skynet.native and skynet.scheduler (lua_native.h): sleeping, waiting, timers,
// forks.
#include "core/node.h"
#include "lua/lua_send.h"
#include "lua/result_use.h"
#include "lua/task_functions.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

Task* sleeper_of(lua_State* L, int token) {
  TaskScheduler& tasks = scheduler(L);
  if (lua_isthread(L, token)) {
    Task* task = tasks.find(lua_tothread(L, token));
    if (task != nullptr && task->own_token) return task;
  }
  if (!tasks.has_tokens()) return nullptr;
  tasks.push_reference(L, tasks.refs.tokens);
  lua_pushvalue(L, token);
  lua_rawget(L, -2);
  auto* task = static_cast<Task*>(lua_touserdata(L, -1));
  lua_pop(L, 2);
  return task;
}

// Makes the task findable under the token at `index`; none stands for the running coroutine.
void set_token(lua_State* L, Task& task, int index) {
  const bool given = !lua_isnoneornil(L, index);
  if (!given && task.co == L) {
    task.own_token = true;
    return;
  }
  if (!given) {
    lua_settop(L, index - 1);
    lua_pushthread(L);
  } else if (lua_isthread(L, index) && lua_tothread(L, index) == task.co) {
    task.own_token = true;
    return;
  }
  const TaskScheduler& tasks = scheduler(L);
  tasks.push_reference(L, tasks.refs.tokens);
  lua_pushvalue(L, index);
  if (task.token_anchor == LUA_NOREF) {
    task.token_anchor = luaL_ref(L, LUA_REGISTRYINDEX);
  } else {
    lua_rawseti(L, LUA_REGISTRYINDEX, task.token_anchor);
  }
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, &task);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  task.table_token = true;
  scheduler(L).count_token();
}

// Whether somebody waits on the coroutine that runs, which is the task's.
bool is_token(lua_State* L, const Task& task) {
  if (task.own_token) return true;
  if (!scheduler(L).has_tokens()) return false;
  lua_pushthread(L);
  const bool found = sleeper_of(L, lua_gettop(L)) != nullptr;
  lua_pop(L, 1);
  return found;
}

// Raises for a token that somebody waits on already.
void check_token(lua_State* L, int index) {
  if (!lua_isnoneornil(L, index) && sleeper_of(L, index) != nullptr)
    luaL_error(L, "token duplicative");
}

// Posts the message that ends a wait of `ticks`.
void set_timer(TaskScheduler& tasks, lua_Integer ticks, std::int32_t session) {
  Service& service = tasks.service();
  service.node().respond_after(Ticks(ticks), {service.handle(), session});
}

int sleep_for(lua_State* L, lua_Integer ticks, int token) {
  Task& task = blocking_task(L);
  TaskScheduler& tasks = scheduler(L);
  check_token(L, token);
  if (task.traced) [[unlikely]]
    tasks.trace(L, "sleep", &task);
  const std::int32_t session = tasks.new_session();
  tasks.wait_for(session, Wait::timer);
  set_token(L, task, token);
  set_timer(tasks, ticks, session);
  return suspend(L, task);
}

// sleep(ticks[, token]) -> nothing, or "BREAK"
int l_sleep(lua_State* L) { return sleep_for(L, check_int64(L, 1), 2); }

int l_yield(lua_State* L) {
  lua_settop(L, 0);
  return sleep_for(L, 0, 1);
}

// wait([token])
int l_wait(lua_State* L) {
  Task& task = blocking_task(L);
  begin_wait(L, task);
  return suspend(L, task);
}

// stand(token) -> true: what wait(token) does, but for the yield. That is left to the caller, a hook
// of the task's own coroutine that yields without values. False if any other coroutine runs.
int l_stand(lua_State* L) {
  luaL_checkany(L, 1);
  TaskScheduler& tasks = scheduler(L);
  Task* const task = tasks.current();
  const bool own = task != nullptr && task->co == L;
  if (own) {
    begin_wait(L, *task);
    tasks.block();
  }
  lua_pushboolean(L, own);
  return 1;
}

// wakeup(token) -> true, or nil if nobody waits on it
int l_wakeup(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_isnil(L, 1)) return 0;
  Task* task = sleeper_of(L, 1);
  if (task == nullptr || !scheduler(L).wakes(task)) {
    lua_pushnil(L);
    return 1;
  }
  scheduler(L).wake(task);
  lua_pushboolean(L, 1);
  return 1;
}

// is_awaited(token) -> whether somebody waits or sleeps on it
int l_is_awaited(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, sleeper_of(L, 1) != nullptr);
  return 1;
}

// Moves the function at `first` and the arguments above it into a task. An object with __call is that function and its
// first argument.
Task* task_for_function(lua_State* L, int first) {
  if (!lua_isfunction(L, first)) [[unlikely]] {
    if (luaL_getmetafield(L, first, "__call") && lua_isfunction(L, -1))
      lua_insert(L, first);
    else
      luaL_checktype(L, first, LUA_TFUNCTION);
  }
  const int count = lua_gettop(L) - first + 1;
  Task* task = scheduler(L).take(L);
  if (!lua_checkstack(task->co, count)) luaL_error(L, "too many arguments");
  lua_xmove(L, task->co, count);
  return task;
}

// fork(f, ...) -> coroutine
int l_fork(lua_State* L) {
  Task* task = task_for_function(L, 1);
  scheduler(L).queue_fork(task);
  push_coroutine(L, task->co);
  return 1;
}

// timeout(ticks, f) -> coroutine; nothing, and no coroutine yet, to whom it would be of no use
int l_timeout(lua_State* L) {
  const std::int64_t ticks = check_int64(L, 1);
  lua_settop(L, 2);
  TaskScheduler& tasks = scheduler(L);
  if (lua_isfunction(L, 2) && results_are_dropped(L)) {
    const std::int32_t session = tasks.new_session();
    tasks.wait_to_start(L, 2, session);
    set_timer(tasks, ticks, session);
    return 0;
  }
  Task* task = task_for_function(L, 2);
  const std::int32_t session = tasks.new_session();
  tasks.wait_to_start(task, session, Wait::start);
  set_timer(tasks, ticks, session);
  push_coroutine(L, task->co);
  return 1;
}

// expect(session, address | nil, f): when the answer from `address`, or the timer's, comes, runs
// f(true, message, size, session) as a task of its own; f(false, nil, nil, session) if there will
// be none
int l_expect(lua_State* L) {
  const auto session = static_cast<std::int32_t>(luaL_checkinteger(L, 1));
  Destination callee{0, nullptr};
  if (!lua_isnil(L, 2)) callee = check_destination(L, 2);
  lua_settop(L, 3);
  Task* task = task_for_function(L, 3);
  scheduler(L).wait_to_start(task, session, Wait::answer);
  task->callee = callee.handle;
  if (callee.name != nullptr) task->set_callee(callee.name);
  return 0;
}

// forget(session): what was to run then does not
int l_forget(lua_State* L) {
  scheduler(L).forget_answer(static_cast<std::int32_t>(luaL_checkinteger(L, 1)));
  return 0;
}

// term(address): all calls to it, given as it was given to call, fail
int l_term(lua_State* L) {
  if (lua_type(L, 1) == LUA_TNUMBER) {
    scheduler(L).fail_calls_to(static_cast<Handle>(lua_tointeger(L, 1)));
  } else {
    scheduler(L).fail_calls_to(std::string_view(luaL_checkstring(L, 1)));
  }
  return 0;
}

// genid() -> a new session
int l_genid(lua_State* L) {
  lua_pushinteger(L, scheduler(L).new_session());
  return 1;
}

}  // namespace

void begin_wait(lua_State* L, Task& task) {
  TaskScheduler& tasks = scheduler(L);
  check_token(L, 1);
  if (task.traced) [[unlikely]]
    tasks.trace(L, "sleep", &task);
  tasks.wait_for(tasks.new_session(), Wait::wakeup);
  set_token(L, task, 1);
}

bool begin_read(lua_State* L, AwaitedBytes& bytes) {
  TaskScheduler& tasks = scheduler(L);
  Task* task = tasks.current();
  if (task == nullptr || task->co != L || bytes.reader != nullptr || !lua_isyieldable(L) ||
      is_token(L, *task)) {
    return false;
  }
  if (task->traced) [[unlikely]]
    tasks.trace(L, "sleep", task);
  tasks.wait_to_read(bytes);
  return true;
}

const luaL_Reg kWaitingFunctions[] = {
    {"sleep", l_sleep},     {"yield", l_yield}, {"wait", l_wait},   {"wakeup", l_wakeup},
    {"timeout", l_timeout}, {"fork", l_fork},   {nullptr, nullptr},
};

const luaL_Reg kRareWaitingFunctions[] = {
    {"expect", l_expect}, {"forget", l_forget},         {"term", l_term},   {"genid", l_genid},
    {"stand", l_stand},   {"is_awaited", l_is_awaited}, {nullptr, nullptr},
};

}  // namespace runtime::RUNTIME_ENGINE
