#include "lua/lua_tasks.h"

#include <fmt/format.h>

#include <cstdlib>

#include "api/send.h"
#include "core/node.h"
#include "lua/lua_send.h"
#include "lua/lua_service.h"
#include "lua/task_functions.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// ---- protocols ---------------------------------------------------------------------------------------------

// Pushes the field of the table at `table` whose name is upvalue `name`.
void push_field(lua_State* L, int table, int name) {
  lua_pushvalue(L, lua_upvalueindex(name));
  lua_rawget(L, table);
}

// Pushes the protocol of the name at `name`. Raises for an unknown one.
void push_protocol(lua_State* L, int name) {
  lua_pushvalue(L, name);
  lua_rawget(L, lua_upvalueindex(kProtocols));
  if (!lua_istable(L, -1)) luaL_error(L, "unknown protocol %s", luaL_tolstring(L, name, nullptr));
}

struct Outgoing {
  int type;
  Packed payload;
};

// Packs the arguments from `first` on for the protocol named at `name`. Raises for an unknown one. The stack stays.
Outgoing pack_for(lua_State* L, int name, int first, bool* native_unpack) {
  const int top = lua_gettop(L);
  push_protocol(L, name);
  push_field(L, top + 1, kId);
  const int type = static_cast<int>(lua_tointeger(L, -1));
  if (native_unpack != nullptr) {
    push_field(L, top + 1, kUnpack);
    *native_unpack = lua_tocfunction(L, -1) == l_unpack;
  }
  push_field(L, top + 1, kPack);
  if (lua_tocfunction(L, -1) == l_pack) [[likely]] {
    lua_settop(L, top);
    return {type, pack(L, first)};
  }
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  for (int i = first; i <= top; ++i) lua_pushvalue(L, i);
  lua_call(L, top - first + 1, 2);
  const Packed payload = check_payload(L, top + 1);
  lua_settop(L, top);
  return {type, payload};
}

int type_of(lua_State* L, int name) {
  push_protocol(L, name);
  push_field(L, lua_gettop(L), kId);
  const int type = static_cast<int>(lua_tointeger(L, -1));
  lua_pop(L, 2);
  return type;
}

// ---- sending and calling -----------------------------------------------------------------------------------

// send(address, protocol, ...) -> 0, or nothing if there is no such service
int l_send(lua_State* L) {
  check_address(L, 1);
  const Outgoing out = pack_for(L, 2, 3, nullptr);
  return push_sent(L, send_to(L, scheduler(L).service(), 1, 0, out.type, 0, out.payload));
}

// rawsend(address, protocol, message[, size])
int l_rawsend(lua_State* L) {
  check_address(L, 1);
  const int type = type_of(L, 2);
  return push_sent(L, send_to(L, scheduler(L).service(), 1, 0, type, 0, check_payload(L, 3)));
}

int invalid_address(lua_State* L) {
  if (lua_type(L, 1) != LUA_TNUMBER) return luaL_error(L, "call to invalid address %s", lua_tostring(L, 1));
  char text[16];
  *fmt::format_to_n(text, sizeof(text) - 1, ":{:08x}", static_cast<Handle>(lua_tointeger(L, 1))).out = '\0';
  return luaL_error(L, "call to invalid address %s", text);
}

// Sends a request and makes the current task wait for its answer. Raises if there is no such service.
void request(lua_State* L, Task& task, int type, Packed payload, Wait wait) {
  TaskScheduler& tasks = scheduler(L);
  if (task.traced) [[unlikely]] tasks.trace(L, "call", &task, 1);
  const std::int32_t session = tasks.new_session();
  const int result = send_to(L, tasks.service(), 1, 0, type, session, payload);
  if (result < 0) {
    if (result == api::kTooLarge) luaL_error(L, "call failed: the message is too large");
    invalid_address(L);
  }
  tasks.wait_for(session, wait);
  if (const Handle callee = to_handle(L, 1)) {
    task.callee = callee;
  } else {
    task.callee_name = lua_tostring(L, 1);
  }
}

#ifdef RUNTIME_LUA54
// Where a call goes on. Raises if it failed; else gives the values of the reply.
int after_call(lua_State* L, int, lua_KContext context) {
  TaskScheduler& tasks = *reinterpret_cast<TaskScheduler*>(context);
  if (tasks.take_failure()) [[unlikely]] return tasks.raise_failure(L);
  return lua_gettop(L);
}

int after_unpack(lua_State* L, int, lua_KContext) { return lua_gettop(L); }

// The same; below the message and its size lies the protocol's own unpack.
int after_call_unpack(lua_State* L, int, lua_KContext context) {
  TaskScheduler& tasks = *reinterpret_cast<TaskScheduler*>(context);
  if (tasks.take_failure()) return tasks.raise_failure(L);
  lua_callk(L, 2, LUA_MULTRET, context, after_unpack);
  return lua_gettop(L);
}

int suspend_call(lua_State* L, const Task& task, lua_KFunction after) {
  TaskScheduler& tasks = scheduler(L);
  tasks.block();
  const auto context = reinterpret_cast<lua_KContext>(&tasks);
  if (task.co == L) return lua_yieldk(L, 0, context, after);
  lua_pushvalue(L, lua_upvalueindex(kSuspend));
  return lua_yieldk(L, 1, context, after);
}

// call(address, protocol, ...) -> the reply, unpacked
int l_call(lua_State* L) {
  check_address(L, 1);
  Task& task = blocking_task(L);
  bool native_unpack;
  const Outgoing out = pack_for(L, 2, 3, &native_unpack);
  request(L, task, out.type, out.payload, native_unpack ? Wait::reply : Wait::message);
  if (native_unpack) [[likely]] {
    lua_settop(L, 0);
    return suspend_call(L, task, after_call);
  }
  push_protocol(L, 2);
  push_field(L, lua_gettop(L), kUnpack);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return suspend_call(L, task, after_call_unpack);
}

int suspend_message_call(lua_State* L, const Task& task) {
  lua_settop(L, 0);
  return suspend_call(L, task, after_call);
}
#else
// LuaJIT cannot go on in C after a yield: skynet.lua passes what comes back through failure().

// call(address, protocol, ...) -> the reply, unpacked, for protocols that unpack with skynet.unpack
int l_call(lua_State* L) {
  check_address(L, 1);
  Task& task = blocking_task(L);
  const Outgoing out = pack_for(L, 2, 3, nullptr);
  request(L, task, out.type, out.payload, Wait::reply);
  return suspend(L, task);
}

int suspend_message_call(lua_State* L, const Task& task) { return suspend(L, task); }
#endif

// rawcall(address, protocol, message[, size]) -> message, size
int l_rawcall(lua_State* L) {
  check_address(L, 1);
  Task& task = blocking_task(L);
  const int type = type_of(L, 2);
  request(L, task, type, check_payload(L, 3), Wait::message);
  return suspend_message_call(L, task);
}

// packcall(address, protocol, ...) -> message, size: packs as call does, does not unpack
int l_packcall(lua_State* L) {
  check_address(L, 1);
  Task& task = blocking_task(L);
  const Outgoing out = pack_for(L, 2, 3, nullptr);
  request(L, task, out.type, out.payload, Wait::message);
  return suspend_message_call(L, task);
}

// failure(...) -> ...: what a call came back with; raises if it failed. LuaJIT only.
int l_failure(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  if (tasks.take_failure()) return tasks.raise_failure(L);
  return lua_gettop(L);
}

// ---- answering ---------------------------------------------------------------------------------------------

// Sends an answer to the current request; true if it was delivered.
int answer(lua_State* L, Task& task, Packed payload) {
  task.request = Request::closed;
  Service& service = scheduler(L).service();
  if (task.traced) [[unlikely]] scheduler(L).trace(L, "response", &task);
  if (task.session == 0) {
    std::free(payload.data);
    lua_pushboolean(L, 0);
    return 1;
  }
  if (payload.size > kMaxMessageBytes) {
    std::free(payload.data);
    api::send_owned(service, service.handle(), task.source, kTypeError, task.session, nullptr, 0);
    lua_pushboolean(L, 0);
    return 1;
  }
  const int result = api::send_owned(service, service.handle(), task.source, kTypeResponse, task.session, payload.data,
                                     payload.size);
  lua_pushboolean(L, result >= 0);
  return 1;
}

// The current task if its request has not been answered, else null.
Task* find_open_request(lua_State* L) {
  Task* task = scheduler(L).current();
  return task != nullptr && task->request == Request::open ? task : nullptr;
}

Task& open_request(lua_State* L, const char* message) {
  Task* task = find_open_request(L);
  if (task == nullptr) luaL_error(L, "%s", message);
  return *task;
}

// ret(message[, size]) -> boolean
int l_ret(lua_State* L) {
  Task* task = find_open_request(L);
  if (task == nullptr) {
    // The message was given away, also by a caller who may not answer.
    if (lua_type(L, 1) == LUA_TLIGHTUSERDATA) std::free(lua_touserdata(L, 1));
    return luaL_error(L, "No session");
  }
  if (lua_isnoneornil(L, 1)) return answer(L, *task, {nullptr, 0});
  return answer(L, *task, check_payload(L, 1));
}

// retpack(...) -> boolean
int l_retpack(lua_State* L) {
  Task& task = open_request(L, "No session");
  return answer(L, task, pack(L, 1));
}

// take_request() -> session, source: the current request, which a response closure will answer
int l_take_request(lua_State* L) {
  Task& task = open_request(L, "no session");
  scheduler(L).responses = true;
  scheduler(L).promise(task);
  task.request = Request::closed;
  lua_pushinteger(L, task.session);
  lua_pushinteger(L, task.source);
  return 2;
}

// answered(session, source): the response closure has done so
int l_answered(lua_State* L) {
  const auto session = static_cast<std::int32_t>(luaL_checkinteger(L, 1));
  scheduler(L).keep_promise(static_cast<Handle>(luaL_checkinteger(L, 2)), session);
  return 0;
}

int l_ignoreret(lua_State* L) {
  if (Task* task = find_open_request(L)) {
    task->request = Request::closed;
    scheduler(L).forget(*task);
  }
  return 0;
}

// context() -> session, source: nothing outside of a request, no session once it is answered
int l_context(lua_State* L) {
  const Task* task = scheduler(L).current();
  if (task == nullptr || task->request == Request::none) return 0;
  if (task->request == Request::open) {
    lua_pushinteger(L, task->session);
  } else {
    lua_pushnil(L);
  }
  lua_pushinteger(L, task->source);
  return 2;
}

// ---- waiting -----------------------------------------------------------------------------------------------

Task* sleeper_of(lua_State* L, int token) {
  TaskScheduler& tasks = scheduler(L);
  if (lua_isthread(L, token)) {
    Task* task = tasks.find(lua_tothread(L, token));
    if (task != nullptr && task->own_token) return task;
  }
  lua_pushvalue(L, token);
  lua_rawget(L, lua_upvalueindex(kTokens));
  auto* task = static_cast<Task*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
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
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, &task);
  lua_rawset(L, lua_upvalueindex(kTokens));
  task.table_token = true;
}

// Raises for a token that somebody waits on already.
void check_token(lua_State* L, int index) {
  if (!lua_isnoneornil(L, index) && sleeper_of(L, index) != nullptr) luaL_error(L, "token duplicative");
}

// Posts the message that ends a wait of `ticks`.
void set_timer(TaskScheduler& tasks, lua_Integer ticks, std::int32_t session) {
  Service& service = tasks.service();
  if (ticks <= 0) {
    service.node().deliver(service.handle(), Message::make(0, kTypeResponse, session, nullptr, 0));
  } else {
    service.node().timer.add(Ticks(ticks), {service.handle(), session});
  }
}

int sleep_for(lua_State* L, lua_Integer ticks, int token) {
  Task& task = blocking_task(L);
  TaskScheduler& tasks = scheduler(L);
  check_token(L, token);
  if (task.traced) [[unlikely]] tasks.trace(L, "sleep", &task);
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
  TaskScheduler& tasks = scheduler(L);
  check_token(L, 1);
  if (task.traced) [[unlikely]] tasks.trace(L, "sleep", &task);
  tasks.wait_for(tasks.new_session(), Wait::wakeup);
  set_token(L, task, 1);
  return suspend(L, task);
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

// Moves the function at `first` and the arguments above it into a task.
Task* task_for_function(lua_State* L, int first) {
  luaL_checktype(L, first, LUA_TFUNCTION);
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

// timeout(ticks, f) -> coroutine
int l_timeout(lua_State* L) {
  const std::int64_t ticks = check_int64(L, 1);
  lua_settop(L, 2);
  Task* task = task_for_function(L, 2);
  TaskScheduler& tasks = scheduler(L);
  const std::int32_t session = tasks.new_session();
  tasks.wait_to_start(task, session, Wait::start);
  set_timer(tasks, ticks, session);
  push_coroutine(L, task->co);
  return 1;
}

// expect(session, address, f): when the answer from `address` comes, runs f(true, message, size, session) as a task of its
// own; f(false, nil, nil, session) if there will be none
int l_expect(lua_State* L) {
  const auto session = static_cast<std::int32_t>(luaL_checkinteger(L, 1));
  lua_settop(L, 3);
  Task* task = task_for_function(L, 3);
  scheduler(L).wait_to_start(task, session, Wait::answer);
  if (const Handle callee = to_handle(L, 2)) {
    task->callee = callee;
  } else if (lua_type(L, 2) == LUA_TSTRING) {
    task->callee_name = lua_tostring(L, 2);
  }
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

int l_dispatch_message(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  const int type = static_cast<int>(luaL_checkinteger(L, 1));
  const Message message = Message::make(static_cast<Handle>(luaL_optinteger(L, 5, 0)), type,
                                        static_cast<std::int32_t>(luaL_optinteger(L, 4, 0)), lua_touserdata(L, 2),
                                        static_cast<std::size_t>(luaL_optinteger(L, 3, 0)));
  if (tasks.current() != nullptr) return luaL_error(L, "dispatch_message: called by a task");
  lua_settop(L, 0);
  const TaskScheduler::Fixed fixed{lua_upvalueindex(kProtocols), lua_upvalueindex(kDispatch), lua_upvalueindex(kUnpack)};
  tasks.handle(L, message, fixed, TaskScheduler::Entry::protected_call);
  return tasks.raise_errors(L);
}

int open_scheduler(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"send", l_send},
      {"rawsend", l_rawsend},
      {"call", l_call},
      {"rawcall", l_rawcall},
      {"packcall", l_packcall},
      {"failure", l_failure},
      {"ret", l_ret},
      {"retpack", l_retpack},
      {"take_request", l_take_request},
      {"answered", l_answered},
      {"ignoreret", l_ignoreret},
      {"context", l_context},
      {"sleep", l_sleep},
      {"yield", l_yield},
      {"wait", l_wait},
      {"wakeup", l_wakeup},
      {"fork", l_fork},
      {"timeout", l_timeout},
      {"expect", l_expect},
      {"forget", l_forget},
      {"term", l_term},
      {"genid", l_genid},
      {"dispatch_message", l_dispatch_message},
      {nullptr, nullptr},
  };
  lua_settop(L, 0);
  TaskScheduler& tasks = LuaService::of(L).make_tasks();
  lua_createtable(L, 0, 40);
  lua_pushlightuserdata(L, &tasks);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  tasks.refs.protocols = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  tasks.refs.tokens = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, -2);
  lua_setfield(L, -5, "protocols");
  for (const char* text : {"SUSPEND", "dispatch", "unpack", "pack", "id"}) lua_pushstring(L, text);
  add_functions(L, kFunctions);
  add_task_tools(L);
  lua_settop(L, 1);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
