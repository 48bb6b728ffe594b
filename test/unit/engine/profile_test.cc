#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "lua/engine.h"
#include "lua/profiler.h"

namespace runtime::RUNTIME_ENGINE {

int open_profile(lua_State* L);

namespace {

// burn(seconds): uses CPU time.
int l_burn(lua_State* L) {
  const auto ns = static_cast<std::int64_t>(luaL_checknumber(L, 1) * 1e9);
  const std::int64_t begin = thread_cpu_ns();
  while (thread_cpu_ns() - begin < ns) {
  }
  return 0;
}

class ProfileTest : public testing::Test {
 protected:
  ProfileTest() {
    luaL_openlibs(L);
    luaL_requiref(L, "skynet.profile", open_profile, 0);
    lua_setglobal(L, "profile");
    lua_register(L, "burn", l_burn);
  }
  ~ProfileTest() override { lua_close(L); }

  // What a chunk returns, as text, joined by blanks; the error message if it raises.
  std::string eval(const std::string& source) {
    lua_settop(L, 0);
    if (luaL_loadstring(L, source.c_str()) != LUA_OK || lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
      return lua_tostring(L, -1);
    }
    std::string all;
    for (int i = 1, n = lua_gettop(L); i <= n; ++i) {
      if (i > 1) all += ' ';
      all += luaL_tolstring(L, i, nullptr);
    }
    return all;
  }

  lua_State* L = luaL_newstate();
};

TEST_F(ProfileTest, ACoroutineIsMeasuredOnlyWhileItRuns) {
  EXPECT_EQ(eval(R"(
    local co = coroutine.create(function() burn(0.01) coroutine.yield() burn(0.01) end)
    profile.start(co)
    profile.resume(co)
    burn(0.1)
    profile.resume(co)
    local t = profile.stop(co)
    return t > 0.015 and t < 0.06 or t)"),
            "true");
}

TEST_F(ProfileTest, ARunningCoroutineIsMeasuredFromTheStart) {
  EXPECT_EQ(eval(R"(
    local t
    profile.resume(coroutine.create(function()
      burn(0.1)
      profile.start()
      burn(0.01)
      t = profile.stop()
    end))
    return t > 0.005 and t < 0.06 or t)"),
            "true");
}

TEST_F(ProfileTest, WhatItRunsBeforeItsFirstYieldCountsWhenItBeginsTheMeasurementItself) {
  EXPECT_EQ(eval(R"(
    local t
    local co = coroutine.create(function()
      profile.start()
      burn(0.02)
      coroutine.yield()
      t = profile.stop()
    end)
    profile.resume(co)
    burn(0.1)
    profile.resume(co)
    return t > 0.015 and t < 0.06 or t)"),
            "true");
}

TEST_F(ProfileTest, WhatACoroutineResumesCountsForIt) {
  EXPECT_EQ(eval(R"(
    local outer = coroutine.create(function() profile.wrap(function() burn(0.02) end)() end)
    profile.start(outer)
    profile.resume(outer)
    return profile.stop(outer) > 0.015)"),
            "true");
}

TEST_F(ProfileTest, MisuseRaises) {
  EXPECT_NE(eval("profile.stop()").find("Call profile.start() before profile.stop()"),
            std::string::npos);
  EXPECT_NE(eval("profile.start() profile.start()").find("start profile more than once"),
            std::string::npos);
  EXPECT_NE(eval("profile.start(1)").find("thread expected"), std::string::npos);
}

TEST_F(ProfileTest, AForgottenProfileDoesNotKeepItsCoroutine) {
  EXPECT_EQ(eval(R"(
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do
      local co = coroutine.create(function() end)
      weak[co] = true
      profile.start(co)
      profile.resume(co)
    end
    collectgarbage() collectgarbage()
    return next(weak) == nil)"),
            "true");
}

// resume and wrap stand in for those of the library: same results, same errors.
TEST_F(ProfileTest, ResumeAndWrapAreLikeTheLibrarys) {
  const std::string bodies[] = {
      "return m.resume(coroutine.create(function(...) return ... end), 1, nil, 3)",
      "return m.resume(coroutine.create(function() coroutine.yield() end))",
      "return m.resume(coroutine.create(function() error 'x' end))",
      "local c = coroutine.create(function() error 'x' end) m.resume(c) return m.resume(c)",
      "local c = coroutine.create(function() end) m.resume(c) return m.resume(c)",
      "local c c = coroutine.create(function() return m.resume(c) end) return m.resume(c)",
      "local c, d c = coroutine.create(function() return m.resume(d) end)"
      "d = coroutine.create(function() return m.resume(c) end) return m.resume(c)",
      "return m.wrap(function(...) return select('#', ...), ... end)(1, nil)",
      "return pcall(m.wrap(function() error 'x' end))",
      "return pcall(m.wrap(function() error() end))",
      "local f = m.wrap(function() return 1 end) f() return pcall(f)",
      "local f f = m.wrap(function() return pcall(f) end) return f()",
      "return select('#', m.resume(coroutine.create(function(...) return ... end),"
      "(table.unpack or unpack)({}, 1, 5000)))",
  };
  for (const std::string& body : bodies) {
    eval("m = profile");
    const std::string ours = eval(body);
    eval("m = coroutine");
    EXPECT_EQ(ours, eval(body)) << body;
  }
}

#ifdef RUNTIME_LUA54
TEST_F(ProfileTest, WrapClosesWhatAFailedCoroutineLeaves) {
  const std::string body = R"(
    local log = ""
    local f = m.wrap(function()
      local x <close> = setmetatable({}, { __close = function() log = log .. "closed" error "second" end })
      error "first"
    end)
    local _, message = pcall(f)
    return log, message)";
  const std::string result = eval("local m = profile" + body);
  EXPECT_EQ(result.find("closed "), 0u);
  EXPECT_NE(result.find("second"), std::string::npos);
}
#endif

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
