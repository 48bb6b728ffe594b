#include "lua/lua_native.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "core/node.h"
#include "core/socket_message.h"
#include "lua/c_string.h"
#include "lua/lua_core.h"
#include "lua/lua_send.h"
#include "lua/module_search.h"
#include "lua/raw_stack.h"
#include "lua/task_functions.h"
#include "skynet.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// ---- protocols ----------------------------------------------------------------------------------

constexpr int kMaxProtocol = 255;

int return_arguments(lua_State* L) { return lua_gettop(L); }

// The table's field as a protocol's number.
bool has_protocol_id(lua_State* L, int index) {
  const lua_Number id = lua_tonumber(L, index);
  return lua_type(L, index) == LUA_TNUMBER && id >= 0 && id <= kMaxProtocol && id == std::floor(id);
}

// register_protocol{ name =, id =, pack =, unpack =, dispatch =, trace = }: makes a message type
// known by name
int l_register_protocol(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "name");
  lua_getfield(L, 1, "id");
  if (lua_type(L, 2) != LUA_TSTRING)
    return luaL_error(L, "register_protocol: the name must be a string");
  if (!has_protocol_id(L, 3))
    return luaL_error(L, "register_protocol: the id must be 0 .. %d", kMaxProtocol);
  const TaskScheduler& tasks = scheduler(L);
  tasks.push_reference(L, tasks.refs.protocols);
  lua_getfield(L, 4, lua_tostring(L, 2));
  if (!lua_isnil(L, -1))
    return luaL_error(L, "register_protocol: the name %s is taken", lua_tostring(L, 2));
  const int id = static_cast<int>(lua_tointeger(L, 3));
  lua_rawgeti(L, 4, id);
  if (!lua_isnil(L, -1)) return luaL_error(L, "register_protocol: the id %d is taken", id);
  lua_pushvalue(L, 1);
  lua_setfield(L, 4, lua_tostring(L, 2));
  lua_pushvalue(L, 1);
  lua_rawseti(L, 4, id);
  return 0;
}

// dispatch(protocol[, f]) -> the previous one: sets what handles its requests; without `f` only
// asks
int l_dispatch(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  lua_settop(L, 2);
  tasks.push_reference(L, tasks.refs.protocols);
  lua_pushvalue(L, 1);
  lua_gettable(L, 3);
  if (lua_isnil(L, 4)) {
    if (lua_isnil(L, 2)) return 1;
    return luaL_error(L, "unknown protocol %s", luaL_tolstring(L, 1, nullptr));
  }
  lua_getfield(L, 4, "dispatch");
  if (lua_toboolean(L, 2)) {
    lua_pushvalue(L, 2);
    lua_setfield(L, 4, "dispatch");
    lua_rawgeti(L, 3, kTypeLua);
    if (tasks.lua_protocol.name != nullptr && lua_rawequal(L, 4, -1)) {
      lua_pushvalue(L, 2);
      lua_rawseti(L, LUA_REGISTRYINDEX, tasks.lua_protocol.dispatch);
      tasks.lua_protocol.has_dispatch = lua_isfunction(L, 2);
      if (const RawValue* const handler = RawValues(L).find(2))
        tasks.lua_protocol.handler = *handler;
    }
    lua_settop(L, 5);
  }
  return 1;
}

// Registers { name =, id =, pack =, unpack = }.
void add_protocol(lua_State* L, const char* name, int id, lua_CFunction pack,
                  lua_CFunction unpack) {
  lua_pushcfunction(L, l_register_protocol);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  lua_pushinteger(L, id);
  lua_setfield(L, -2, "id");
  if (pack != nullptr) {
    lua_pushcfunction(L, pack);
    lua_setfield(L, -2, "pack");
  }
  if (unpack != nullptr) {
    lua_pushcfunction(L, unpack);
    lua_setfield(L, -2, "unpack");
  }
  lua_call(L, 1, 0);
}

// ---- the service --------------------------------------------------------------------------------

// self() -> handle
int l_self(lua_State* L) {
  lua_pushinteger(L, scheduler(L).service().handle());
  return 1;
}

// address(handle | name) -> ":%08x" of a handle, anything else as a string
int l_address(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_type(L, 1) != LUA_TNUMBER) {
    luaL_tolstring(L, 1, nullptr);
    return 1;
  }
  char text[24];
  const char* end =
      fmt::format_to_n(text, sizeof(text), ":{:08x}", static_cast<std::uint64_t>(check_int64(L, 1)))
          .out;
  lua_pushlstring(L, text, static_cast<std::size_t>(end - text));
  return 1;
}

// getenv(key) -> string, or nil
int l_getenv(lua_State* L) {
  lua_pushstring(L, scheduler(L).service().node().environment.get(check_c_string(L, 1)));
  return 1;
}

// begin([f]): from now on the messages of this service are dispatched, by `f` if there is one
// (skynet.start)
int l_begin(lua_State* L) {
  if (lua_isnoneornil(L, 1)) lua_pushcfunction(L, l_dispatch_message);
  luaL_checktype(L, -1, LUA_TFUNCTION);
  LuaService::of(L).set_callback(L, lua_gettop(L), false);
  return 0;
}

// exit(): ends this service. Never returns.
int l_exit(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  Service& service = tasks.service();
  skynet_command(service.context(), "EXIT",
                 nullptr);  // whoever hears of the end from here on finds nobody
  lua_settop(L, 0);
  const bool own_send = push_own_function(L, "send", native_send);
  if (own_send) {
    lua_pushliteral(L, ".launcher");
    lua_pushliteral(L, "lua");
  }
  lua_pushliteral(L, "REMOVE");
  lua_pushinteger(L, service.handle());
  lua_pushboolean(L, false);
  if (own_send) {
    lua_call(L, 5, 0);
  } else {
    send_to(service, {0, ".launcher"}, 0, kTypeLua, 0, pack(L, 1));
  }
  // No block(): the scheduler is to see that this is no wait.
  tasks.exit();
  const Task& task = blocking_task(L);
  if (task.co == L) return lua_yield(L, 0);
  tasks.push_reference(L, tasks.refs.suspend);
  return lua_yield(L, 1);
}

// expose_protocols() -> the protocols, for somebody who may change them
int l_expose_protocols(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  tasks.lua_protocol.name = nullptr;
  tasks.lua_protocol.has_dispatch = false;
  lua_pushboolean(L, 0);
  lua_rawseti(L, LUA_REGISTRYINDEX, tasks.lua_protocol.dispatch);
  tasks.push_reference(L, tasks.refs.protocols);
  return 1;
}

// What the table lacks: loads the part of skynet that has it (lualib/skynet/parts.lua).
int l_index(lua_State* L) {
  lua_settop(L, 2);
  require_module(L, "skynet.parts");
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

#ifdef RUNTIME_LUA54
// __pairs: with all parts loaded
int l_pairs(lua_State* L) {
  lua_settop(L, 1);
  require_module(L, "skynet.parts");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  lua_getglobal(L, "next");
  lua_insert(L, 1);
  return 2;
}
#endif

// The state's own string "lua"; the protocols have it as a key.
const char* lua_protocol_name(lua_State* L) {
  lua_pushliteral(L, "lua");
  const char* name = lua_tostring(L, -1);
  lua_pop(L, 1);
  return name;
}

char kept_scheduler_key;  // its address is the key in the registry

// What of a scheduler lies in its state.
struct KeptScheduler {
  TaskScheduler::References refs;
  int lua_dispatch;
};

// The service's scheduler, with the values that it and these functions use.
TaskScheduler& prepare(lua_State* L) {
  LuaService& self = LuaService::of(L);
  if (self.tasks() != nullptr) return *self.tasks();
  TaskScheduler& tasks = self.make_tasks();
  TaskScheduler::References& refs = tasks.refs;
  for (int* table : {&refs.protocols, &refs.tokens}) {
    lua_newtable(L);
    *table = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  const struct {
    int* ref;
    const char* text;
  } strings[] = {{&refs.suspend, "SUSPEND"}, {&refs.dispatch, "dispatch"},
                 {&refs.unpack, "unpack"},   {&refs.pack, "pack"},
                 {&refs.id, "id"},           {&refs.interrupted, "BREAK"}};
  for (const auto& [ref, text] : strings) {
    lua_pushstring(L, text);
    *ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
#ifdef RUNTIME_LUAJIT
  lua_pushcfunction(L, [](lua_State* S) { return LuaService::of(S).tasks()->raise_failure(S); });
  refs.raise_failure = luaL_ref(L, LUA_REGISTRYINDEX);
#endif
  // The first luaL_unref makes an entry of the registry; later ones need no memory.
  lua_pushboolean(L, 0);
  luaL_unref(L, LUA_REGISTRYINDEX, luaL_ref(L, LUA_REGISTRYINDEX));
  add_protocol(L, "lua", kTypeLua, l_pack, l_unpack);
  lua_pushboolean(L, 0);
  tasks.lua_protocol.dispatch = luaL_ref(L, LUA_REGISTRYINDEX);
  tasks.lua_protocol.name = lua_protocol_name(L);
  add_protocol(L, "response", kTypeResponse, nullptr, nullptr);
  add_protocol(L, "error", kTypeError, return_arguments, nullptr);
  add_protocol(L, "debug", kTypeDebug, l_pack, l_unpack);
  return tasks;
}

}  // namespace

void keep_scheduler(lua_State* L) {
  const TaskScheduler& tasks = scheduler(L);
  new (lua_newuserdatauv(L, sizeof(KeptScheduler), 0))
      KeptScheduler{tasks.refs, tasks.lua_protocol.dispatch};
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_scheduler_key);
}

void take_kept_scheduler(lua_State* L) {
  const char* const name = lua_protocol_name(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_scheduler_key);
  const auto& kept = *static_cast<const KeptScheduler*>(lua_touserdata(L, -1));
  TaskScheduler& tasks = LuaService::of(L).make_tasks();
  tasks.refs = kept.refs;
  tasks.lua_protocol.dispatch = kept.lua_dispatch;
  tasks.lua_protocol.name = name;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_scheduler_key);
  lua_pop(L, 1);
}

int l_dispatch_message(lua_State* L) {
  TaskScheduler& tasks = scheduler(L);
  const int type = static_cast<int>(luaL_checkinteger(L, 1));
  Message message =
      Message::make(static_cast<Handle>(luaL_optinteger(L, 5, 0)), type,
                    static_cast<std::int32_t>(luaL_optinteger(L, 4, 0)), lua_touserdata(L, 2),
                    static_cast<std::size_t>(luaL_optinteger(L, 3, 0)));
  if (tasks.current() != nullptr) return luaL_error(L, "dispatch_message: called by a task");
  if (is_received(message)) message.session = 0;  // the node alone makes these
  lua_settop(L, 0);
  tasks.handle(L, message, TaskScheduler::Entry::protected_call);
  return tasks.raise_errors(L);
}

int open_native(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"register_protocol", l_register_protocol},
      {"dispatch", l_dispatch},
      {"self", l_self},
      {"address", l_address},
      {"getenv", l_getenv},
      {"exit", l_exit},
      {"begin", l_begin},
      {"traceback", l_traceback},
      {nullptr, nullptr},
  };
  TaskScheduler& tasks = prepare(L);
  lua_createtable(L, 0, 32);
  luaL_setfuncs(L, kFunctions, 0);
  luaL_setfuncs(L, kMessageFunctions, 0);
  luaL_setfuncs(L, kWaitingFunctions, 0);
  add_common_functions(L, "skynet.core");
  lua_newtable(L);
  lua_pushcfunction(L, l_index);
  lua_setfield(L, -2, "__index");
#ifdef RUNTIME_LUA54
  lua_pushcfunction(L, l_pairs);
  lua_setfield(L, -2, "__pairs");
#endif
  lua_setmetatable(L, -2);
  if (tasks.refs.skynet == LUA_NOREF) {
    lua_pushvalue(L, -1);
    tasks.refs.skynet = luaL_ref(L, LUA_REGISTRYINDEX);
  } else {
    lua_pushliteral(L, "retpack");
    lua_pushnil(L);
    lua_rawset(L, -3);
  }
  return 1;
}

int open_scheduler(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"dispatch_message", l_dispatch_message},
      {"expose_protocols", l_expose_protocols},
      {nullptr, nullptr},
  };
  TaskScheduler& tasks = prepare(L);
  lua_newtable(L);
  luaL_setfuncs(L, kFunctions, 0);
  luaL_setfuncs(L, kRareMessageFunctions, 0);
  luaL_setfuncs(L, kRareWaitingFunctions, 0);
  luaL_setfuncs(L, kTaskTools, 0);
  tasks.push_reference(L, tasks.refs.protocols);
  lua_setfield(L, -2, "protocols");  // not to be changed, nor handed on
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
