#include "lua/jit_heat.h"

#include <gtest/gtest.h>

#ifdef RUNTIME_LUAJIT

namespace runtime::RUNTIME_ENGINE {
namespace {

class JitHeatTest : public testing::Test {
 protected:
  JitHeatTest() {
    luaL_openlibs(L);
    run("traces = 0\n"
        "require('jit').attach(function(what) if what == 'start' then traces = traces + 1 end end, "
        "'trace')\n"
        "function once(x) return x end\n"
        "function loop(x) for i = 1, 200 do x = x + i end return x end");
  }
  ~JitHeatTest() override { lua_close(L); }

  void run(const char* source) {
    ASSERT_EQ(luaL_loadstring(L, source), LUA_OK);
    ASSERT_EQ(lua_pcall(L, 0, 0, 0), LUA_OK) << lua_tostring(L, -1);
  }

  // A turn that handles one message with `function`, `others` turns of other services after the last one.
  void turn(const char* function, int others) {
    JitHeat other;
    for (int i = 0; i < others; ++i) other.begin_turn(other_state_);
    heat_.begin_turn(L);
    lua_getglobal(L, function);
    lua_pushinteger(L, 1);
    ASSERT_EQ(lua_pcall(L, 1, 0, 0), LUA_OK);
    ASSERT_EQ(lua_gettop(L), 0);
  }

  int traces() {
    lua_getglobal(L, "traces");
    const int count = static_cast<int>(lua_tointeger(L, -1));
    lua_pop(L, 1);
    return count;
  }

  lua_State* L = luaL_newstate();
  lua_State* other_state_ = L;
  JitHeat heat_;
};

TEST_F(JitHeatTest, WhatAColdServiceRunsOnceForEachMessageIsNotCompiled) {
  for (int i = 0; i < 2000; ++i) turn("once", 100);
  EXPECT_EQ(traces(), 0);
}

TEST_F(JitHeatTest, ALoopOfAColdServiceIsCompiled) {
  for (int i = 0; i < 3; ++i) turn("loop", 100);
  EXPECT_GT(traces(), 0);
}

TEST_F(JitHeatTest, AHotServiceIsCompiledAndStaysHot) {
  for (int i = 0; i < 100; ++i) turn("once", 10);
  for (int i = 0; i < 200; ++i) turn("once", 100);
  EXPECT_GT(traces(), 0);
}

TEST_F(JitHeatTest, TheCountersAreFound) { EXPECT_TRUE(JitHeat::knows_counters()); }

TEST_F(JitHeatTest, ACompilerIsTurnedOffAndOnByThePrograms) {
  for (int i = 0; i < 100; ++i) turn("once", 100);
  run("require('jit').off()");
  for (int i = 0; i < 100; ++i) turn("loop", 100);
  EXPECT_EQ(traces(), 0);
  run("require('jit').on()");
  for (int i = 0; i < 3; ++i) turn("loop", 100);
  EXPECT_GT(traces(), 0);
}

TEST_F(JitHeatTest, ACompilerThatIsTurnedOffStaysOff) {
  run("require('jit').off()");
  for (int i = 0; i < 100; ++i) turn("loop", 100);
  EXPECT_EQ(traces(), 0);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE

#endif
