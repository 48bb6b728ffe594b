// skynet.core: the primitive interface of a Lua service.
#include "lua/lua_core.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/clock.h"
#include "core/node.h"
#include "lua/c_string.h"
#include "lua/lua_send.h"
#include "lua/lua_service.h"
#include "lua/seri.h"
#include "lua/task_scheduler.h"
#include "skynet.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

Service& service(lua_State* L) { return LuaService::of(L).service(); }

int new_session(lua_State* L) {
  TaskScheduler* tasks = LuaService::of(L).tasks();
  return tasks != nullptr ? tasks->new_session() : service(L).new_session();
}

// send(address, type, session | nil, message[, size]) -> session; nothing without such a service;
// false if too large
int l_send(lua_State* L) {
  const Destination address = check_destination(L, 1);
  const int type = static_cast<int>(luaL_checkinteger(L, 2));
  const bool asks = lua_isnoneornil(L, 3);
  const int session = asks ? 0 : static_cast<int>(luaL_checkinteger(L, 3));
  const Packed payload = check_payload(L, 4);
  return push_sent(
      L, send_to(service(L), address, 0, type & 0xff, asks ? new_session(L) : session, payload));
}

// redirect(address, source, type, session, message[, size])
int l_redirect(lua_State* L) {
  const Destination address = check_destination(L, 1);
  const auto source = static_cast<Handle>(luaL_checkinteger(L, 2));
  const int type = static_cast<int>(luaL_checkinteger(L, 3));
  const int session = static_cast<int>(luaL_checkinteger(L, 4));
  return push_sent(L,
                   send_to(service(L), address, source, type & 0xff, session, check_payload(L, 5)));
}

int l_genid(lua_State* L) {
  lua_pushinteger(L, new_session(L));
  return 1;
}

const char* run_command(lua_State* L) {
  const char* command = check_c_string(L, 1);
  const char* parameter = opt_c_string(L, 2);
  return skynet_command(service(L).context(), command, parameter);
}

// command(name[, parameter]) -> result, or nothing
int l_command(lua_State* L) {
  const char* result = run_command(L);
  if (result == nullptr) return 0;
  lua_pushstring(L, result);
  return 1;
}

// addresscommand(name[, parameter]) -> the result ":hex" as a number, or nothing
int l_addresscommand(lua_State* L) {
  const char* result = run_command(L);
  if (result == nullptr || result[0] != ':') return 0;
  lua_pushinteger(L, static_cast<lua_Integer>(std::strtoul(result + 1, nullptr, 16)));
  return 1;
}

// intcommand(name[, parameter]) -> the result as a number, or nothing
int l_intcommand(lua_State* L) {
  const char* command = check_c_string(L, 1);
  char number[16];
  const char* parameter = nullptr;
  if (lua_type(L, 2) == LUA_TNUMBER) {
    if (lua_tonumber(L, 2) != std::floor(lua_tonumber(L, 2))) {
      return luaL_argerror(L, 2, "number has no integer representation");
    }
    *fmt::format_to_n(number, sizeof(number) - 1, "{}",
                      static_cast<std::int32_t>(lua_tointeger(L, 2)))
         .out = '\0';
    parameter = number;
  } else if (!lua_isnoneornil(L, 2)) {
    parameter = check_c_string(L, 2);
  }
  const char* result = skynet_command(service(L).context(), command, parameter);
  if (result == nullptr) return 0;
  char* end;
  const long long integer = std::strtoll(result, &end, 10);
  if (*end == '\0') {
    lua_pushinteger(L, static_cast<lua_Integer>(integer));
    return 1;
  }
  const double number_result = std::strtod(result, &end);
  if (*end != '\0') return luaL_error(L, "Invalid result %s", result);
  lua_pushnumber(L, number_result);
  return 1;
}

// callback(f[, forward])
int l_callback(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  LuaService::of(L).set_callback(L, 1, lua_toboolean(L, 2) != 0);
  return 0;
}

// harbor(address) -> id, whether it is another node
int l_harbor(lua_State* L) {
  int id = 0;
  const int remote =
      skynet_isremote(service(L).context(), static_cast<Handle>(luaL_checkinteger(L, 1)), &id);
  lua_pushinteger(L, id);
  lua_pushboolean(L, remote);
  return 2;
}

// trace(tag, text[, coroutine][, level]): logs a line with the time, and up to three places in the
// source
int l_trace(lua_State* L) {
  constexpr int kFrames = 3;
  constexpr std::size_t kPlaceBytes = 1024;  // for the time and the places; longer ones are cut
  std::size_t tag_size, text_size;
  const char* tag = luaL_checklstring(L, 1, &tag_size);
  const char* text = luaL_checklstring(L, 2, &text_size);
  lua_State* thread = L;
  int level = 1;
  bool places = false;
  if (lua_isthread(L, 3)) {
    thread = lua_tothread(L, 3);
    level = static_cast<int>(luaL_optinteger(L, 4, 0));
    places = true;
  } else if (!lua_isnoneornil(L, 3)) {
    level = static_cast<int>(luaL_checkinteger(L, 3));
    places = true;
  }
  const long long now = monotonic_ns();
  const std::size_t size = tag_size + text_size + kPlaceBytes;
  auto* line = static_cast<char*>(lua_newuserdatauv(L, size, 0));
  char* end = fmt::format_to_n(line, size, "<TRACE {}> {} {}", tag, now, text).out;
  if (places) {
    const char* separator = " : ";
    lua_Debug info;
    for (int found = 0; found < kFrames && lua_getstack(thread, level, &info); ++level) {
      lua_getinfo(thread, "Sl", &info);
      if (info.currentline < 0) continue;
      const auto room = static_cast<std::size_t>(line + size - end);
      end = fmt::format_to_n(end, room, "{}{}:{}", separator, info.source, info.currentline).out;
      separator = " ";
      ++found;
    }
  }
  service(L).node().log(service(L).handle(), {line, static_cast<std::size_t>(end - line)});
  return 0;
}

int l_hpc(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(monotonic_ns()));
  return 1;
}

// error(...): logs all arguments, joined by a blank
int l_error(lua_State* L) {
  const int count = lua_gettop(L);
  for (int i = 1; i <= count; ++i) to_text(L, i, nullptr);  // numbers keep their digits
  if (count <= 1) {
    std::size_t size;
    const char* text = count == 0 ? (size = 3, "nil") : luaL_tolstring(L, 1, &size);
    service(L).node().log(service(L).handle(), {text, size});
    return 0;
  }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (int i = 1; i <= count; ++i) {
    luaL_tolstring(L, i, nullptr);
    luaL_addvalue(&buffer);
    if (i < count) luaL_addchar(&buffer, ' ');
  }
  luaL_pushresult(&buffer);
  std::size_t size;
  const char* text = lua_tolstring(L, -1, &size);
  service(L).node().log(service(L).handle(), {text, size});
  return 0;
}

int l_now(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(skynet_now()));
  return 1;
}

}  // namespace

const lua_CFunction native_error = l_error;

void add_common_functions(lua_State* L, const char* other) {
  static constexpr luaL_Reg kFunctions[] = {
      {"pack", l_pack},         {"unpack", l_unpack}, {"packstring", l_packstring},
      {"tostring", l_tostring}, {"error", l_error},   {"now", l_now},
  };
  // On Lua 5.4 a C function is the same value wherever it comes from; on LuaJIT each push makes a
  // new one.
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, other);
  lua_replace(L, -2);
  for (const auto& [name, function] : kFunctions) {
    if (lua_istable(L, -1)) {
      lua_pushstring(L, name);
      lua_rawget(L, -2);
    } else {
      lua_pushnil(L);
    }
    if (lua_tocfunction(L, -1) != function) {
      lua_pop(L, 1);
      lua_pushcfunction(L, function);
    }
    lua_setfield(L, -3, name);
  }
  lua_pop(L, 1);
}

int open_core(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"send", l_send},         {"redirect", l_redirect},     {"genid", l_genid},
      {"command", l_command},   {"intcommand", l_intcommand}, {"addresscommand", l_addresscommand},
      {"callback", l_callback}, {"harbor", l_harbor},         {"trace", l_trace},
      {"hpc", l_hpc},           {"trash", l_trash},           {nullptr, nullptr},
  };
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  if (lua_touserdata(L, -1) == nullptr)
    return luaL_error(L, "skynet.core: this state belongs to no service");
  lua_createtable(L, 0, 20);
  luaL_setfuncs(L, kFunctions, 0);
  add_common_functions(L, "skynet.native");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
