#include "lua/result_use.h"

#include "lua/engine_probe.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

#ifdef RUNTIME_LUA54

constexpr bool kKnown = LUA_VERSION_NUM == 504 && sizeof(void*) == 8;

// What lua_Debug refers to.
struct Call {
  void *function, *top, *previous, *next;
  void* of_kind[3];
  int of_state;
  short results;
};

bool dropped(lua_State* L) {
  lua_Debug frame;
  lua_getstack(L, 0, &frame);
  return reinterpret_cast<const Call*>(frame.i_ci)->results == 0;
}

#else  // LuaJIT

constexpr bool kKnown = LUAJIT_VERSION_NUM >= 20100 && sizeof(void*) == 8;

// The beginning of a state.
struct State {
  void* next;
  std::uint8_t marked, type, function_id, status;
  void *global, *gray_list;
  const std::uint64_t* base;  // of the running function: its first value
};

// An instruction: the operation, A, C (how many arguments, and 1), B (how many results, and 1).
constexpr std::uint32_t kCall = 66;
constexpr std::uint32_t kCallWithoutResults = 1U << 24 | kCall;
constexpr std::uint32_t kOperationAndB = 0xff0000ff;

// Below a function's first value is its frame's link: 0 in the lowest bits when Lua code has called it, whose next
// instruction that is. 2, when it goes on with a continuation, as at the end of a trace: the next instruction is then
// two values below, under it the continuation. The ones up to 1 have none.
bool dropped(lua_State* L) {
  const std::uint64_t* const base = reinterpret_cast<const State*>(L)->base;
  std::uint64_t link = base[-1];
  if ((link & 7) == 2 && base[-4] > 1) link = base[-3];
  if ((link & 3) != 0) return false;
  const std::uint32_t call = reinterpret_cast<const std::uint32_t*>(link)[-1];
  return (call & kOperationAndB) == kCallWithoutResults;
}

#endif

// Calls with results of use have a number below 0. The loops are long enough to be compiled.
constexpr char kCalls[] =
    "local f = ...\n"
    "local function tail(...) return f(...) end\n"
    "f(1)\n"
    "local a = f(-1)\n"
    "local b, c = f(-2)\n"
    "local list = { f(-3) }\n"
    "list = { f(-4), f(-5) }\n"
    "if f(-6) then a = 1 end\n"
    "a = 1 + (f(-7) or 1)\n"
    "a = tail(-8)\n"
    "pcall(f, -9)\n"
    "a = select('#', f(-10))\n"
    "coroutine.wrap(f)(-11)\n"
    "coroutine.wrap(function() return f(-12) end)()\n"
    "a = coroutine.wrap(function() a = f(-13) end)()\n"
    "local function indirect(_, i) return f(i) end\n"
    "local object = setmetatable({}, { __index = indirect, __call = indirect })\n"
    "a = object[-14] or object(-15)\n"
    "a = setmetatable({}, { __index = f }).none\n"
    "for _ in f, -16 do end\n"
    "for i = 1, 120 do a = f(-17); b = tail(-18); list[1] = object[-19]; if f(-20) then c = b end "
    "end\n"
    "for i = 1, 120 do f(2) end\n";

int l_probe(lua_State* L) {
  struct Calls {
    int with_use = 0, without = 0;
    bool wrong = false;
  } calls;
  bool& known = *static_cast<bool*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  luaL_openlibs(L);
  if (luaL_loadstring(L, kCalls) != LUA_OK) return 0;
  lua_pushlightuserdata(L, &calls);
  lua_pushcclosure(
      L,
      [](lua_State* called) {
        auto& count = *static_cast<Calls*>(lua_touserdata(called, lua_upvalueindex(1)));
        const bool of_use = lua_tonumber(called, 1) < 0 || !lua_isnumber(called, 1);
        ++(of_use ? count.with_use : count.without);
        if (of_use && dropped(called)) count.wrong = true;
        return 0;
      },
      1);
  lua_call(L, 1, 0);
  known = calls.without > 120 && calls.with_use > 480 && !calls.wrong;
  return 0;
}

}  // namespace

bool results_are_dropped(lua_State* L) {
  static const bool known = kKnown && probe_engine(l_probe);
  return known && dropped(L);
}

}  // namespace runtime::RUNTIME_ENGINE
