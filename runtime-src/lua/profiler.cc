#include "lua/profiler.h"

#include <algorithm>

#include "base/clock.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// Registry keys (their addresses): the Profiler, a userdata; the table of times, from coroutines,
// weak, to Times, userdata.
char profiler_key, times_key;

// A stretch between a resume and the next yield, on one thread. The thread's CPU clock costs
// microseconds, so short stretches are measured in cycles. One that seems longer may have been
// interrupted: it has taken no more than the thread has, since the latest reading before it.
struct Stretch {
  std::uint64_t began;  // in cycles; 0: there is none
  std::int64_t before;  // CPU time of the thread, read at most kShort before `began`
};
constexpr double kShort = 1e6;  // ns

struct Reading {
  std::uint64_t at;  // in cycles
  std::int64_t cpu;
};
constinit thread_local Reading latest{};

double since(std::uint64_t at) { return static_cast<double>(cycles() - at) * ns_per_cycle(); }

Stretch begin_stretch() {
  if (since(latest.at) > kShort) latest = {cycles(), thread_cpu_ns()};
  return {cycles(), latest.cpu};
}

double stretch_ns(const Stretch& stretch) {
  const double elapsed = since(stretch.began);
  if (elapsed < kShort) return elapsed;
  return std::min(elapsed, static_cast<double>(thread_cpu_ns() - stretch.before));
}

// Of one coroutine.
struct Time {
  double total;     // ns, of the stretches that have ended
  Stretch stretch;  // the present one

  void resume() { stretch = begin_stretch(); }
  void suspend() {
    if (stretch.began != 0) total += stretch_ns(stretch);
    stretch = {};
  }
};

bool is_running(lua_State* L, lua_State* co) {
  lua_Debug frame;
  return co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame));
}

// Pushes the table of times; makes it when there is none.
void push_times(lua_State* L) { push_weak_table(L, &times_key); }

// The time of `co`; valid until the next garbage collection after stop(). Null: it is not measured.
Time* find(lua_State* L, lua_State* co) {
  push_times(L);
  push_coroutine(L, co);
  lua_rawget(L, -2);
  auto* const time = static_cast<Time*>(lua_touserdata(L, -1));
  lua_pop(L, 2);
  return time;
}

// The same for `co`, which `from` resumes. Null also when there is no room on a stack.
Time* find_to_resume(lua_State* co, lua_State* from) {
  constexpr int kRoom = 8;
  return lua_checkstack(from, kRoom) && lua_checkstack(co, 1) ? find(from, co) : nullptr;
}

bool has_times(lua_State* L) {
  push_times(L);
  lua_pushnil(L);
  const bool has = lua_next(L, -2) != 0;
  lua_pop(L, has ? 3 : 1);
  return has;
}

}  // namespace

Profiler& Profiler::of(lua_State* L) {
  Profiler& profiler = push(L);
  lua_pop(L, 1);
  return profiler;
}

Profiler& Profiler::push(lua_State* L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &profiler_key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    new (lua_newuserdatauv(L, sizeof(Profiler), 0)) Profiler;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &profiler_key);
  }
  return *static_cast<Profiler*>(lua_touserdata(L, -1));
}

bool Profiler::start(lua_State* L, lua_State* co) {
  luaL_checkstack(L, 8, nullptr);
  luaL_checkstack(co, 1, nullptr);
  if (find(L, co) != nullptr) return false;
  push_times(L);
  push_coroutine(L, co);
  auto* const time = static_cast<Time*>(lua_newuserdatauv(L, sizeof(Time), 0));
  *time = {};
  if (is_running(L, co)) time->resume();
  lua_rawset(L, -3);
  lua_pop(L, 1);
  set_measures(has_times(L));
  return true;
}

double Profiler::stop(lua_State* L, lua_State* co) {
  luaL_checkstack(L, 8, nullptr);
  luaL_checkstack(co, 1, nullptr);
  Time* const time = find(L, co);
  if (time == nullptr) return -1;
  time->suspend();
  const double total = time->total;
  push_times(L);
  push_coroutine(L, co);
  lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  set_measures(has_times(L));
  return total / 1e9;
}

void Profiler::begin_time(lua_State* co, lua_State* from) {
  if (Time* const time = find_to_resume(co, from)) time->resume();
}

void Profiler::end_time(lua_State* co, lua_State* from) {
  if (Time* const time = find_to_resume(co, from)) time->suspend();
}

}  // namespace runtime::RUNTIME_ENGINE
