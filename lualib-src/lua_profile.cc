// skynet.profile: the CPU time of coroutines, and coroutine.resume and coroutine.wrap, which take
// it.
#include "lua/builtin_modules.h"
#include "lua/profiler.h"
#include "lua/stack_checks.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

Profiler& profiler(lua_State* L) {
  return *static_cast<Profiler*>(lua_touserdata(L, lua_upvalueindex(1)));
}

lua_State* optional_coroutine(lua_State* L) {
  if (lua_isnoneornil(L, 1)) return L;
  luaL_checktype(L, 1, LUA_TTHREAD);
  return lua_tothread(L, 1);
}

// start([co]): without an argument, the running coroutine.
int l_start(lua_State* L) {
  lua_State* const co = optional_coroutine(L);
  if (!profiler(L).start(L, co)) {
    return luaL_error(L, "Thread %p start profile more than once", co);
  }
  return 0;
}

// seconds = stop([co])
int l_stop(lua_State* L) {
  const double seconds = profiler(L).stop(L, optional_coroutine(L));
  if (seconds < 0) return luaL_error(L, "Call profile.start() before profile.stop()");
  lua_pushnumber(L, seconds);
  return 1;
}

// Coroutines in coroutines: as many as Lua 5.4 has, which counts itself.
[[maybe_unused]] constexpr int kMaxDepth = 200;

constexpr int kFailed = -1;
enum class OnError { keep, close };

// Resumes `co` with the topmost `arguments` values. Pushes what it yields or returns and gives the
// number; or pushes an error and gives kFailed.
int resume(lua_State* L, lua_State* co, int arguments, OnError on_error) {
#ifdef RUNTIME_LUAJIT
  // Its lua_resume() does not look.
  lua_Debug frame;
  const int before = lua_status(co);
  const bool runs = before == LUA_OK && (co == L || lua_getstack(co, 0, &frame));
  if (runs || before > LUA_YIELD || (before == LUA_OK && lua_gettop(co) == 0)) {
    lua_pushfstring(L, "cannot resume %s coroutine", runs ? "running" : "dead");
    return kFailed;
  }
  if (!has_stack_left() || profiler(L).depth == kMaxDepth) {
    lua_pushliteral(L, "C stack overflow");
    return kFailed;
  }
#endif
  if (!lua_checkstack(co, arguments)) {
    lua_pushliteral(L, "too many arguments to resume");
    return kFailed;
  }
  lua_xmove(L, co, arguments);
  int results;
  ++profiler(L).depth;
  const int status = profiler(L).marks().resume(co, L, arguments, &results);
  --profiler(L).depth;
  if (status != LUA_OK && status != LUA_YIELD) {
    // Runs what the coroutine has to close; what raises there takes the place of the error.
    if (on_error == OnError::close && lua_status(co) > LUA_YIELD) lua_closethread(co, L);
    lua_xmove(co, L, 1);
    return kFailed;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return kFailed;
  }
  lua_xmove(co, L, results);
  return results;
}

// true, ... | false, error = resume(co, ...)
int l_resume(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  const int results = resume(L, lua_tothread(L, 1), lua_gettop(L) - 1, OnError::keep);
  if (results == kFailed) {
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;  // below may be the arguments, of a coroutine that has not run
  }
  lua_pushboolean(L, 1);
  lua_replace(L, 1);  // the coroutine is below the results, and not needed any more
  return lua_gettop(L);
}

// What wrap() returns; upvalue 2 is the coroutine. An error ends that, and goes on to the caller.
int l_call_wrapped(lua_State* L) {
  lua_State* const co = lua_tothread(L, lua_upvalueindex(2));
  const int results = resume(L, co, lua_gettop(L), OnError::close);
  if (results != kFailed) return results;
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

// function = wrap(f)
int l_wrap(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State* const co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, -2);
  lua_pushcclosure(L, l_call_wrapped, 2);
  return 1;
}

}  // namespace

void add_resuming_functions(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {{"resume", l_resume}, {"wrap", l_wrap}};
  lua_getglobal(L, "coroutine");
  for (const auto& [name, function] : kFunctions) {
    lua_getfield(L, -1, name);
    if (lua_tocfunction(L, -1) != function) {
      lua_pop(L, 1);
      Profiler::push(L);
      lua_pushcclosure(L, function, 1);
    }
    lua_setfield(L, -3, name);
  }
  lua_pop(L, 1);
}

int open_profile(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {{"start", l_start}, {"stop", l_stop}, {nullptr, nullptr}};
  lua_createtable(L, 0, 4);
  Profiler::push(L);
  luaL_setfuncs(L, kFunctions, 1);
  add_resuming_functions(L);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
