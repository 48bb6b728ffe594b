#include <gtest/gtest.h>

#include <string>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

int open_debugchannel(lua_State* L);

namespace {

class LuaDebugChannelTest : public testing::Test {
 protected:
  LuaDebugChannelTest() {
    luaL_openlibs(L);
    luaL_requiref(L, "skynet.debugchannel", open_debugchannel, 0);
    lua_setglobal(L, "channel");
  }
  ~LuaDebugChannelTest() override { lua_close(L); }

  // What a chunk returns, as text; the error message if it raises.
  std::string eval(const std::string& source) {
    lua_settop(L, 0);
    if (luaL_loadstring(L, source.c_str()) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
      return lua_tostring(L, -1);
    }
    return luaL_tolstring(L, -1, nullptr);
  }

  lua_State* L = luaL_newstate();
};

TEST_F(LuaDebugChannelTest, TwoEndsShareTheTexts) {
  EXPECT_EQ(eval(R"(
    local a, address = channel.create()
    local b = channel.connect(address)
    a:write "to b" 
    local got = b:read()
    b:write "\0binary"
    return got .. #a:read() .. select("#", a:read()) .. select("#", a:read(0.1)))"),
            "to b700");
}

TEST_F(LuaDebugChannelTest, AnAddressConnectsOnce) {
  EXPECT_NE(eval("local a, p = channel.create() channel.connect(p) channel.connect(p)")
                .find("new channel failed"),
            std::string::npos);
  EXPECT_NE(eval("local a, p = channel.create() channel.release(a) channel.connect(p)")
                .find("new channel failed"),
            std::string::npos);
  EXPECT_NE(eval("channel.connect(1)").find("expected"), std::string::npos);
}

TEST_F(LuaDebugChannelTest, AReleasedEndRaises) {
  EXPECT_NE(eval("local a = channel.create() a:release() a:release() a:write 'x'").find("released"),
            std::string::npos);
}

TEST_F(LuaDebugChannelTest, AHookThatReturnsTrueYieldsTheCoroutine) {
  EXPECT_EQ(eval(R"(
    local lines = {}
    local co = coroutine.create(function()
      local x = 1
      x = x + 1
      return x
    end)
    channel.sethook(co, function(event, line) lines[#lines + 1] = event .. line return true end, "l")
    local steps = 0
    local result
    while coroutine.status(co) ~= "dead" do
      local _, x = coroutine.resume(co)
      steps, result = steps + 1, x
    end
    return steps .. " " .. result .. " " .. table.concat(lines, ","))"),
            "4 2 line4,line5,line6");
}

TEST_F(LuaDebugChannelTest, AHookIsToldWhereItMayNotYieldAndDoesNotYieldThere) {
  EXPECT_EQ(eval(R"(
    local may = {}
    local function twice(text)
      return text .. text
    end
    local co = coroutine.create(function()
      return (("x"):gsub("x", twice))
    end)
    channel.sethook(co, function(_, line, may_yield) may[line] = may_yield return true end, "l")
    local result
    while coroutine.status(co) ~= "dead" do result = select(2, coroutine.resume(co)) end
    return result .. tostring(may[4]) .. tostring(may[7]))"),
            "xxfalsetrue");
}

#ifdef RUNTIME_LUA54  // LuaJIT has one hook for all coroutines
TEST_F(LuaDebugChannelTest, ACoroutineLosesTheHookItInherited) {
  EXPECT_EQ(eval(R"(
    local inner
    local co = coroutine.create(function()
      inner = coroutine.create(function() return 1 end)
      return select(2, coroutine.resume(inner))
    end)
    channel.sethook(co, function() end, "l")
    local _, result = coroutine.resume(co)
    return result .. " " .. tostring(debug.gethook(co)) .. " " .. tostring(debug.gethook(inner)))"),
            "1 external hook nil");
}
#endif

TEST_F(LuaDebugChannelTest, AHookIsOfOneCoroutineAndCanBeTakenAway) {
  EXPECT_EQ(eval(R"(
    local n = 0
    local function body() for _ = 1, 100 do n = n end return "done" end
    local hooked, other = coroutine.create(body), coroutine.create(body)
    channel.sethook(hooked, function() return true end, "", 10)
    local _, first = coroutine.resume(other)
    local _, second = coroutine.resume(hooked)
    channel.sethook(hooked)
    local _, third = coroutine.resume(hooked)
    return tostring(first) .. tostring(second) .. tostring(third))"),
            "donenildone");
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
