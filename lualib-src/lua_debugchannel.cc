// skynet.debugchannel: the channel between a service and its debugger, and hooks that may yield.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/debug_channel.h"
#include "core/scheduler.h"
#include "core/service.h"
#include "lua/engine.h"
#include "object.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// An end of a channel; and the text that was read last, until Lua has it.
struct Channel {
  static constexpr const char* kLuaType = "runtime.debugchannel";
  DebugChannel* channel = nullptr;  // null once released
  std::string text;

  ~Channel() { release(); }
  void release() {
    if (channel != nullptr) std::exchange(channel, nullptr)->release();
  }
};

Channel& check_channel(lua_State* L) {
  Channel& end = self<Channel>(L, 1);
  if (end.channel == nullptr) luaL_error(L, "debugchannel: released");
  return end;
}

// channel, address = create(): `address`, a light userdata, is for connect() in another service.
int l_create(lua_State* L) {
  Channel& end = push_object<Channel>(L);
  end.channel = DebugChannel::create();
  lua_pushlightuserdata(L, end.channel);
  return 2;
}

// channel = connect(address)
int l_connect(lua_State* L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  Channel& end = push_object<Channel>(L);
  end.channel = DebugChannel::connect(lua_touserdata(L, 1));
  if (end.channel == nullptr) return luaL_error(L, "new channel failed");
  return 1;
}

void write(DebugChannel& channel, const char* text, std::size_t size) noexcept {
  channel.write(std::string(text, size));
}

// channel:write(text)
int l_write(lua_State* L) {
  Channel& end = check_channel(L);
  std::size_t size;
  const char* text = luaL_checklstring(L, 2, &size);
  write(*end.channel, text, size);
  return 0;
}

// text = channel:read([timeout]): waits for `timeout` * 0.1 s; nothing when there is none. Raises
// once the service has been retired.
int l_read(lua_State* L) {
  constexpr double kUnitMs = 100;
  constexpr double kMaxMs = 1e12;
  Channel& end = check_channel(L);
  const double timeout_ms = luaL_optnumber(L, 2, 0) * kUnitMs;
  const auto wait_ms = static_cast<std::int64_t>(std::clamp(timeout_ms, 0.0, kMaxMs));
  const Worker* const worker = Worker::current();
  if (wait_ms > 0 && worker != nullptr) worker->scheduler().before_block();
  if (!end.channel->read(&end.text, wait_ms)) {
    // Who stands here waiting for the debugger is told of its end by nothing else.
    if (worker != nullptr && worker->service()->retired())
      return luaL_error(L, "the service has been ended");
    return 0;
  }
  lua_pushlstring(L, end.text.data(), end.text.size());
  return 1;
}

// channel:release()
int l_release(lua_State* L) {
  self<Channel>(L, 1).release();
  return 0;
}

// ---- hooks -------------------------------------------------------------------------------------

char hooks_key;  // its address is the registry key of a table: coroutine, weak -> hook function

void push_hooks(lua_State* L) { push_weak_table(L, &hooks_key); }

// Calls the coroutine's hook function with the event, the line and whether it may yield; and yields
// if it says so.
void hook(lua_State* L, lua_Debug* event) {
  constexpr const char* kEvents[] = {"call", "return", "line", "count", "tail call"};
  luaL_checkstack(L, 6, "hook");
  push_hooks(L);
  lua_pushthread(L);
  lua_rawget(L, -2);
  if (!lua_isfunction(L, -1)) {
    lua_pop(L, 2);
#ifdef RUNTIME_LUA54
    lua_sethook(L, nullptr, 0, 0);  // inherited from the coroutine that made this one
#endif
    return;
  }
  lua_pushstring(L, kEvents[event->event]);
  if (event->event == LUA_HOOKLINE) {
    lua_pushinteger(L, event->currentline);
  } else {
    lua_pushnil(L);
  }
  // Engines can yield at these two events only.
  const bool may_yield =
      (event->event == LUA_HOOKLINE || event->event == LUA_HOOKCOUNT) && lua_isyieldable(L);
  lua_pushboolean(L, may_yield);
  lua_call(L, 3, 1);
  const bool yield = lua_toboolean(L, -1);
  lua_pop(L, 2);
  if (yield && may_yield) lua_yield(L, 0);
}

int mask_of(const char* text, int count) {
  int mask = 0;
  if (std::strchr(text, 'c') != nullptr) mask |= LUA_MASKCALL;
  if (std::strchr(text, 'r') != nullptr) mask |= LUA_MASKRET;
  if (std::strchr(text, 'l') != nullptr) mask |= LUA_MASKLINE;
  if (count > 0) mask |= LUA_MASKCOUNT;
  return mask;
}

// sethook([co,] f, mask [, count]): debug.sethook, but f(event, line | nil, whether it may yield)
// makes the coroutine yield by returning true. sethook([co]) takes the hook away. On LuaJIT a hook
// sees code that is not compiled yet: what is, is dropped.
int l_sethook(lua_State* L) {
  const int first = lua_isthread(L, 1) ? 2 : 1;
  lua_State* const co = first == 2 ? lua_tothread(L, 1) : L;
  int mask = 0;
  int count = 0;
  if (lua_isnoneornil(L, first)) {
    lua_settop(L, first);
  } else {
    luaL_checktype(L, first, LUA_TFUNCTION);
    count = static_cast<int>(luaL_optinteger(L, first + 2, 0));
    mask = mask_of(luaL_checkstring(L, first + 1), count);
  }
  luaL_checkstack(co, 1, nullptr);
  push_hooks(L);
  push_coroutine(L, co);
  lua_pushvalue(L, first);
  lua_rawset(L, -3);
#ifdef RUNTIME_LUAJIT
  if (mask != 0) luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
#endif
  lua_sethook(co, mask == 0 ? nullptr : hook, mask, count);
  return 0;
}

}  // namespace

int open_debugchannel(lua_State* L) {
  static constexpr luaL_Reg kMethods[] = {
      {"read", l_read}, {"write", l_write}, {"release", l_release}, {nullptr, nullptr}};
  static constexpr luaL_Reg kFunctions[] = {{"create", l_create},
                                            {"connect", l_connect},
                                            {"release", l_release},
                                            {"sethook", l_sethook},
                                            {nullptr, nullptr}};
  define_type<Channel>(L, kMethods);
  luaL_newlibtable(L, kFunctions);
  set_functions<Channel>(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
