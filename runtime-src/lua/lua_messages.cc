// Native functions of skynet.native and skynet.scheduler (lua_native.h): sending, calling,
// answering.
#include <fmt/format.h>

#include <cstdlib>

#include "core/send.h"
#include "lua/lua_send.h"
#include "lua/module_search.h"
#include "lua/public_table.h"
#include "lua/raw_stack.h"
#include "lua/task_functions.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// ---- protocols ----------------------------------------------------------------------------------

// Pushes the protocols, and of them the one whose name is at `name`. Raises for an unknown one.
void push_protocol(lua_State* L, const TaskScheduler& tasks, int name) {
  tasks.push_reference(L, tasks.refs.protocols);
  lua_pushvalue(L, name);
  stock_lua_rawget(L, -2);
  if (!lua_istable(L, -1)) luaL_error(L, "unknown protocol %s", luaL_tolstring(L, name, nullptr));
}

// Pushes the field of the protocol at `protocol` whose name is the string of that reference.
void push_field(lua_State* L, const TaskScheduler& tasks, int protocol, int name) {
  tasks.push_reference(L, name);
  stock_lua_rawget(L, protocol);
}

// What a message of a protocol is sent as.
struct Outgoing {
  int type;
  bool native_unpack;  // whether the protocol unpacks as "lua" does
};

// Whether the string `name`, which is known by its address, is at `index`.
inline bool is_string(lua_State* L, RawValues values, int index, const char* name) {
  if (const RawValue* const value = values.find(index)) [[likely]]
    return value->kind() == RawKind::string && value->text().data() == name;
  return lua_type(L, index) == LUA_TSTRING && lua_tostring(L, index) == name;
}

// pack_for() for others than "lua".
[[gnu::noinline]] Packed pack_for_other(lua_State* L, int name, int first, Outgoing* out) {
  const TaskScheduler& tasks = scheduler(L);
  const int top = lua_gettop(L);
  const int protocol = top + 2;
  push_protocol(L, tasks, name);
  push_field(L, tasks, protocol, tasks.refs.id);
  out->type = static_cast<int>(lua_tointeger(L, -1));
  push_field(L, tasks, protocol, tasks.refs.unpack);
  out->native_unpack = lua_tocfunction(L, -1) == l_unpack;
  push_field(L, tasks, protocol, tasks.refs.pack);
  if (lua_tocfunction(L, -1) == l_pack) [[likely]] {
    lua_settop(L, top);
    return pack(L, first);
  }
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  for (int i = first; i <= top; ++i) lua_pushvalue(L, i);
  lua_call(L, top - first + 1, 2);
  const Packed payload = check_payload(L, top + 1);
  lua_settop(L, top);
  return payload;
}

// Packs the arguments from `first` on for the protocol named at `name`, which *out becomes. Raises for an unknown one. The
// stack stays.
[[gnu::always_inline]] inline Packed pack_for(lua_State* L, RawValues values,
                                              const TaskScheduler& tasks, int name, int first,
                                              Outgoing* out) {
  if (!is_string(L, values, name, tasks.lua_protocol.name)) [[unlikely]]
    return pack_for_other(L, name, first, out);
  *out = {kTypeLua, true};
  return pack(L, values, first);
}

int type_of(lua_State* L, int name) {
  const TaskScheduler& tasks = scheduler(L);
  push_protocol(L, tasks, name);
  push_field(L, tasks, lua_gettop(L), tasks.refs.id);
  const int type = static_cast<int>(lua_tointeger(L, -1));
  lua_pop(L, 3);
  return type;
}

// ---- sending and calling ------------------------------------------------------------------------

// send(address, protocol, ...) -> 0, or nothing if there is no such service
int l_send(lua_State* L) {
  const RawValues values(L);
  const Destination address = check_destination(L, values, 1);
  TaskScheduler& tasks = scheduler(L);
  Outgoing out;
  const Packed payload = pack_for(L, values, tasks, 2, 3, &out);
  return push_sent(L, send_to(tasks.service(), address, 0, out.type, 0, payload));
}

// rawsend(address, protocol, message[, size])
int l_rawsend(lua_State* L) {
  const Destination address = check_destination(L, 1);
  const int type = type_of(L, 2);
  return push_sent(L, send_to(scheduler(L).service(), address, 0, type, 0, check_payload(L, 3)));
}

// redirect(address, source, protocol, session, message[, size]): sends in the name of `source`
int l_redirect(lua_State* L) {
  const Destination address = check_destination(L, 1);
  const auto source = static_cast<Handle>(luaL_checkinteger(L, 2));
  const int type = type_of(L, 3);
  const auto session = static_cast<int>(luaL_checkinteger(L, 4));
  return push_sent(
      L, send_to(scheduler(L).service(), address, source, type, session, check_payload(L, 5)));
}

int invalid_address(lua_State* L) {
  if (lua_type(L, 1) != LUA_TNUMBER)
    return luaL_error(L, "call to invalid address %s", lua_tostring(L, 1));
  char text[16];
  *fmt::format_to_n(text, sizeof(text) - 1, ":{:08x}", static_cast<Handle>(lua_tointeger(L, 1)))
       .out = '\0';
  return luaL_error(L, "call to invalid address %s", text);
}

// Sends a request and makes the current task wait for its answer. Raises if there is no such
// service.
[[gnu::always_inline]] inline void request(lua_State* L, TaskScheduler& tasks, Task& task,
                                           Destination address, int type, Packed payload,
                                           Wait wait) {
  if (task.traced) [[unlikely]]
    tasks.trace(L, "call", &task, address.handle, address.name);
  const std::int32_t session = tasks.new_session();
  const int result = send_to(tasks.service(), address, 0, type, session, payload);
  if (result < 0) {
    if (result == kTooLarge) luaL_error(L, "call failed: the message is too large");
    invalid_address(L);
  }
  tasks.wait_for(session, wait);
  task.callee = address.handle;
  if (address.name != nullptr) [[unlikely]]
    task.set_callee(address.name);
}

#ifdef RUNTIME_LUA54
// Where a call goes on. Raises if it failed; else gives the values of the reply.
int after_call(lua_State* L, int, lua_KContext context) {
  TaskScheduler& tasks = *reinterpret_cast<TaskScheduler*>(context);
  if (tasks.take_failure()) [[unlikely]]
    return tasks.raise_failure(L);
  return lua_gettop(L);
}

// The same; below the message and its size lies the protocol's own unpack.
int after_call_unpack(lua_State* L, int, lua_KContext context) {
  TaskScheduler& tasks = *reinterpret_cast<TaskScheduler*>(context);
  if (tasks.take_failure()) return tasks.raise_failure(L);
  return return_call(L, 2);
}

int suspend_call(lua_State* L, TaskScheduler& tasks, const Task& task, lua_KFunction after) {
  tasks.block();
  const auto context = reinterpret_cast<lua_KContext>(&tasks);
  if (task.co == L) return lua_yieldk(L, 0, context, after);
  tasks.push_reference(L, tasks.refs.suspend);
  return lua_yieldk(L, 1, context, after);
}

// call(address, protocol, ...) -> the reply, unpacked
int l_call(lua_State* L) {
  const RawValues values(L);
  const Destination address = check_destination(L, values, 1);
  TaskScheduler& tasks = scheduler(L);
  Task& task = blocking_task(L, tasks);
  Outgoing out;
  const Packed payload = pack_for(L, values, tasks, 2, 3, &out);
  request(L, tasks, task, address, out.type, payload,
          out.native_unpack ? Wait::reply : Wait::message);
  if (out.native_unpack) [[likely]] {
    lua_settop(L, 0);
    return suspend_call(L, tasks, task, after_call);
  }
  push_protocol(L, tasks, 2);
  push_field(L, tasks, lua_gettop(L), tasks.refs.unpack);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return suspend_call(L, tasks, task, after_call_unpack);
}

int suspend_message_call(lua_State* L, TaskScheduler& tasks, const Task& task) {
  lua_settop(L, 0);
  return suspend_call(L, tasks, task, after_call);
}
#else
// LuaJIT cannot go on in C after a yield. What a call comes back with goes through skynet.lua,
// where `mark` as the first value says that the second one is a function that is to have the rest.

// call(address, protocol, ...) -> the reply, unpacked
int l_call(lua_State* L) {
  const RawValues values(L);
  const Destination address = check_destination(L, values, 1);
  TaskScheduler& tasks = scheduler(L);
  Task& task = blocking_task(L, tasks);
  Outgoing out;
  const Packed payload = pack_for(L, values, tasks, 2, 3, &out);
  request(L, tasks, task, address, out.type, payload,
          out.native_unpack ? Wait::reply : Wait::unpack);
  task.called_type = static_cast<std::uint8_t>(out.type);
  return suspend(L, tasks, task);
}

int suspend_message_call(lua_State* L, TaskScheduler& tasks, const Task& task) {
  return suspend(L, tasks, task);
}
#endif

// rawcall(address, protocol, message[, size]) -> message, size
int l_rawcall(lua_State* L) {
  const Destination address = check_destination(L, 1);
  TaskScheduler& tasks = scheduler(L);
  Task& task = blocking_task(L, tasks);
  const int type = type_of(L, 2);
  request(L, tasks, task, address, type, check_payload(L, 3), Wait::message);
  return suspend_message_call(L, tasks, task);
}

// ---- answering ----------------------------------------------------------------------------------

// Sends an answer to the current request; true if it was delivered.
int answer(lua_State* L, TaskScheduler& tasks, Task& task, Packed payload) {
  task.request = Request::closed;
  Service& service = tasks.service();
  if (task.traced) [[unlikely]]
    tasks.trace(L, "response", &task);
  if (task.session == 0) {
    free_given(payload.data);
    lua_pushboolean(L, 0);
    return 1;
  }
  if (payload.size > kMaxMessageBytes) {
    free_given(payload.data);
    send_owned(service, task.source,
               Message::make(service.handle(), kTypeError, task.session, nullptr, 0));
    lua_pushboolean(L, 0);
    return 1;
  }
  const int result = send_given(
      service, task.source,
      Message::make(service.handle(), kTypeResponse, task.session, payload.data, payload.size));
  push_boolean(L, result >= 0);
  return 1;
}

// The current task if its request has not been answered, else null.
Task* find_open_request(TaskScheduler& tasks) {
  Task* task = tasks.current();
  return task != nullptr && task->request == Request::open ? task : nullptr;
}

Task& open_request(lua_State* L, TaskScheduler& tasks, const char* message) {
  Task* task = find_open_request(tasks);
  if (task == nullptr) luaL_error(L, "%s", message);
  return *task;
}

// ret(message[, size]) -> boolean
int l_ret(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  Task* task = find_open_request(tasks);
  if (task == nullptr) {
    // The message was handed over, also by a caller who may not answer.
    if (lua_type(L, 1) == LUA_TLIGHTUSERDATA) std::free(lua_touserdata(L, 1));
    return luaL_error(L, "No session");
  }
  if (Packed packed; take_packed(L, 1, &packed)) [[likely]]
    return answer(L, tasks, *task, packed);
  if (lua_isnoneornil(L, 1)) return answer(L, tasks, *task, {nullptr, 0});
  return answer(L, tasks, *task, check_payload(L, 1));
}

// Whether skynet.ret and skynet.pack are the native ones.
[[gnu::noinline]] bool look_at_reply(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  tasks.native_reply.reset();
  const struct {
    const char* name;
    lua_CFunction native;
  } fields[] = {{"ret", l_ret}, {"pack", l_pack}};
  for (const auto& [name, native] : fields) {
    if (!push_own_function(L, name, native)) continue;
    lua_pop(L, 1);
    return false;
  }
  if (raw_values_known()) {
    tasks.push_reference(L, tasks.refs.skynet);
    tasks.native_reply = std::make_unique<KeptFields>(L, "ret", "pack");
    lua_pop(L, 1);
  }
  return true;
}

// skynet.ret(skynet.pack(...)), by the functions that the program has put there. (On LuaJIT they cannot block.)
[[gnu::noinline]] int retpack_by_others(lua_State* L) {
  require_module(L, "skynet.response");
  lua_getfield(L, -1, "retpack");
  lua_insert(L, 1);
  const TaskScheduler& tasks = scheduler(L);
  tasks.push_reference(L, tasks.refs.skynet);
  lua_replace(L, -2);
  lua_insert(L, 2);
  return return_call(L, lua_gettop(L) - 1);
}

// retpack(...) -> boolean
int l_retpack(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  const KeptFields* const native = tasks.native_reply.get();
  if ((native == nullptr || !native->are_kept()) && !look_at_reply(L)) [[unlikely]]
    return retpack_by_others(L);
  Task& task = open_request(L, tasks, "No session");
  return answer(L, tasks, task, pack(L, 1));
}

// take_request() -> session, source: the current request, which a response closure will answer
int l_take_request(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  Task& task = open_request(L, tasks, "no session");
  tasks.responses = true;
  tasks.promise(task);
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
  TaskScheduler& tasks = scheduler(L);
  if (Task* task = find_open_request(tasks)) {
    task->request = Request::closed;
    tasks.forget(*task);
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

}  // namespace

const lua_CFunction native_send = l_send;

const luaL_Reg kMessageFunctions[] = {
    {"send", l_send},       {"call", l_call},           {"ret", l_ret},     {"retpack", l_retpack},
    {"rawcall", l_rawcall}, {"ignoreret", l_ignoreret}, {nullptr, nullptr},
};

const luaL_Reg kRareMessageFunctions[] = {
    {"rawsend", l_rawsend},           {"redirect", l_redirect}, {"context", l_context},
    {"take_request", l_take_request}, {"answered", l_answered}, {nullptr, nullptr},
};

}  // namespace runtime::RUNTIME_ENGINE
