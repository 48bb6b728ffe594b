#include "shared_table.h"

#include <gtest/gtest.h>

#include <string>

#include "lua/shared_base.h"
#include "shared_value.h"

namespace runtime::RUNTIME_ENGINE {

int open_sharedata(lua_State* L);
int open_sharetable(lua_State* L);

namespace {

class SharedTableTest : public testing::Test {
 protected:
  SharedTableTest() { L = make_state(); }
  ~SharedTableTest() override {
    if (L != nullptr) lua_close(L);
  }

  static lua_State* make_state() {
    lua_State* L = luaL_newstate();
    luaL_openlibs(L);
    install_shared_base(L);
    lua_pushcfunction(L, open_sharetable);
    lua_call(L, 0, 1);
    lua_setglobal(L, "core");
    lua_pushcfunction(L, open_sharedata);
    lua_call(L, 0, 1);
    lua_setglobal(L, "data");
    return L;
  }

  // The first result of a chunk, as text; the error message if it raises.
  std::string eval(const std::string& source) {
    lua_settop(L, 0);
    if (luaL_loadstring(L, source.c_str()) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
      return std::string(luaL_tolstring(L, -1, nullptr));
    }
    return luaL_tolstring(L, -1, nullptr);
  }

  lua_State* L;
};

TEST_F(SharedTableTest, LengthIsRightForEverySize) {
  EXPECT_EQ(
      eval("for _, of_tables in ipairs { false, true } do"
           "  local sizes = { 1000, 1023, 1024, 1025, 99999 }"
           "  for n = 0, 200 do sizes[#sizes + 1] = n end"
           "  for _, n in ipairs(sizes) do"
           "    local t = {}"
           "    for i = 1, n do t[i] = of_tables and { i } or i end"
           "    core.publish('t', t)"
           "    local shared = core.query 't'"
           "    assert(#shared == n, n)"
           "    assert(shared[n + 1] == nil and shared[0] == nil)"
           "    if n > 0 and of_tables then assert(shared[n][1] == n and shared[1][1] == 1, n) end"
           "    if n > 0 and not of_tables then assert(shared[n] == n and shared[(n + 1) / 2 - (n "
           "+ 1) % 2 / 2]) end"
           "  end "
           "end "
           "return 'good'"),
      "good");
}

TEST_F(SharedTableTest, ArraysWithHolesAndListsOfListsRead) {
  EXPECT_EQ(
      eval("local t = {} for i = 1, 100 do t[i] = {} for j = 1, 100 do t[i][j] = i * j end end "
           "core.publish('t', { matrix = t, holes = { 1, nil, 3 }, sparse = { [1] = 1, [2] = 2, "
           "[4] = 4, [1024] = 5 } })"
           "local s = core.query 't'"
           "assert(#s.matrix == 100 and #s.matrix[50] == 100 and s.matrix[99][98] == 99 * 98)"
           "assert(s.holes[1] == 1 and s.holes[2] == nil and s.holes[3] == 3)"
           "assert(s.sparse[1024] == 5 and s.sparse[4] == 4 and s.sparse[3] == nil)"
           "local sum = 0 "
           "for _, row in ipairs(s.matrix) do for _, v in ipairs(row) do sum = sum + v end end "
           "assert(sum == 5050 * 5050)"
           "return table.concat(s.matrix[2], ',', 1, 3)"),
      "2,4,6");
}

TEST_F(SharedTableTest, TheCApiReadsTheData) {
  eval("core.publish('t', { 10, 20, name = 'x' })");
  lua_settop(L, 0);
  lua_getglobal(L, "core");
  lua_getfield(L, -1, "query");
  lua_pushliteral(L, "t");
  lua_call(L, 1, 1);
  const int face = lua_gettop(L);
  EXPECT_EQ(lua_rawlen(L, face), 2U);
  lua_rawgeti(L, face, 2);
  EXPECT_EQ(lua_tointeger(L, -1), 20);
  lua_pushliteral(L, "name");
  lua_rawget(L, face);
  EXPECT_STREQ(lua_tostring(L, -1), "x");
  EXPECT_EQ(lua_getmetatable(L, face), 0);
  lua_settop(L, face);
  int pairs = 0;
  lua_pushnil(L);
  while (lua_next(L, face)) {
    ++pairs;
    lua_pop(L, 1);
  }
  EXPECT_EQ(pairs, 3);
  EXPECT_EQ(lua_gettop(L), face);
  EXPECT_NE(shared_table(L, face), nullptr);
  lua_newtable(L);
  EXPECT_EQ(shared_table(L, -1), nullptr);
}

TEST_F(SharedTableTest, ManyReadsOfManyKeysAreTheSameReads) {
  EXPECT_EQ(eval("local t = {} for i = 1, 2000 do t['k' .. i] = { n = i, s = 's' .. i } end "
                 "core.publish('t', t)"
                 "local s = core.query 't'"
                 "for round = 1, 5 do"
                 "  for i = 1, 2000 do"
                 "    local item = s['k' .. i]"
                 "    assert(item.n == i and item.s == 's' .. i and item.none == nil)"
                 "    assert(s['k' .. i] == item)"
                 "  end "
                 "end "
                 "return 'good'"),
            "good");
}

TEST_F(SharedTableTest, KeysAreComparedAsLuaComparesThem) {
  EXPECT_EQ(
      eval("core.publish('t', { [1] = 'one', [2.5] = 'float', [true] = 'yes', ['1'] = 'text', [-3] "
           "= 'minus' })"
           "local s = core.query 't'"
           "assert(s[1] == 'one' and s[1.0] == 'one' and s['1'] == 'text' and s[2.5] == 'float')"
           "assert(s[true] == 'yes' and s[false] == nil and s[-3] == 'minus' and s[0/0] == nil and "
           "s[print] == nil)"
           "return tostring(s[{}])"),
      "nil");
}

TEST_F(SharedTableTest, BigIntegersAndSpecialNumbersKeepTheirValues) {
  EXPECT_EQ(eval("core.load('t', 'return { 2^53, big = 9007199254740993, inf = 1/0, nan = 0/0, "
                 "zero = -0.0 }', {}, 0)"
                 "local s = core.query 't'"
                 "assert(s[1] == 2^53 and s.inf == 1/0 and s.nan ~= s.nan and 1 / s.zero == -1/0)"
                 "return (tostring(s.big):gsub('LL$', ''))"),
            "9007199254740993");
}

TEST_F(SharedTableTest, ChangesAreRefusedAndChangeNothing) {
  EXPECT_EQ(eval("core.publish('t', { a = 1, sub = {} })"
                 "local s = core.query 't'"
                 "for _ = 1, 100 do local _ = s.a end "
                 "assert(not pcall(function() s.b = 1 end))"
                 "assert(not pcall(function() s.a = 2 end))"
                 "assert(not pcall(function() s.sub.x = 2 end))"
                 "assert(not pcall(setmetatable, s, {}))"
                 "assert(getmetatable(s) == nil)"
                 "return s.a .. tostring(s.b)"),
            "1nil");
}

TEST_F(SharedTableTest, NextRefusesAKeyThatIsNotThere) {
  EXPECT_NE(
      eval("core.publish('t', { a = 1 }) return next(core.query 't', 'b')").find("invalid key"),
      std::string::npos);
  EXPECT_EQ(eval("local t = core.query 't' return next(t) .. tostring(next(t, 'a'))"), "anil");
  EXPECT_EQ(eval("core.publish('t', {}) return next(core.query 't')"), "nil");
}

TEST_F(SharedTableTest, FunctionsRunOnBothEngines) {
  EXPECT_EQ(eval("core.load('t', 'return { add = function(a, b) return a + b end, floor = "
                 "math.floor }', {}, 0)"
                 "local s = core.query 't'"
                 "assert(s.add == s.add and s.floor == math.floor)"
                 "return s.add(2, 3)"),
            "5");
}

TEST_F(SharedTableTest, SourceThatOnlyLuaJitKnowsIsLoadedThere) {
  EXPECT_EQ(eval("core.load('t', 'return { unpack { 1, 2 } }', {}, 0) return #core.query 't'"),
            "2");
  EXPECT_EQ(eval("core.load('t', 'return { 1 << 40 }', {}, 0) return core.query 't' [1] == 2^40"),
            "true");
  EXPECT_NE(eval("core.load('t', 'return {', {}, 0)").find("near <eof>"), std::string::npos);
}

TEST_F(SharedTableTest, FacesThatNobodyHoldsAreCollected) {
  EXPECT_EQ(eval("local t = {} for i = 1, 50000 do t[i] = { name = 'item ' .. i } end "
                 "core.publish('t', t)"
                 "t = nil "
                 "local s = core.query 't'"
                 "collectgarbage() collectgarbage()"
                 "local before = collectgarbage 'count'"
                 "local n = 0 "
                 "for _, item in pairs(s) do if item.name then n = n + 1 end end "
                 "for i = 1, #s do if s[i].name then n = n + 1 end end "
                 "collectgarbage() collectgarbage()"
                 "assert(n == 100000)"
                 "local more = collectgarbage 'count' - before "
                 "return more < 500 and 'good' or more"),
            "good");
}

TEST_F(SharedTableTest, VersionsThatNobodyHoldsAreFreed) {
  const share::ImageTotals before = share::image_totals();
  eval(
      "core.publish('freed', { 1 })"
      "held = core.query 'freed'"
      "for i = 1, 20 do core.publish('freed', { i }) local _ = core.query 'freed' end");
  eval("collectgarbage() collectgarbage()");
  EXPECT_EQ(share::image_totals().images, before.images + 2);
  EXPECT_EQ(eval("return held[1]"), "1");
  lua_close(L);
  L = nullptr;
  EXPECT_EQ(share::image_totals().images, before.images + 1) << "the current version stays";
}

TEST_F(SharedTableTest, AnUpdateMovesWhatIsHeldInPlace) {
  EXPECT_EQ(
      eval("core.publish('u', { a = { x = 1 }, list = { 1, 2, 3 } })"
           "local u = core.query 'u'"
           "local a, list = u.a, u.list "
           "for _ = 1, 100 do local _ = u.a, a.x, list[1] end "
           "for _, n in ipairs { 0, 1000, 5, 70, 64, 65, 3 } do"
           "  local t = {} for i = 1, n do t[i] = -i end "
           "  core.publish('u', { a = { x = n }, list = t })"
           "  core.update 'u'"
           "  assert(u.a == a and a.x == n and #list == n and list[n] == (n > 0 and -n or nil), n)"
           "  assert(u == core.query 'u')"
           "end "
           "return 'good'"),
      "good");
}

TEST_F(SharedTableTest, AnUpdateReplacesWhatCannotMove) {
  EXPECT_EQ(eval("core.publish('u', { a = { x = 1 }, gone = {} })"
                 "local u = core.query 'u'"
                 "local a, gone = u.a, u.gone "
                 "local map = { [a] = 'key', value = a, [gone] = 1, deep = { { a } } }"
                 "local up = function() return a end "
                 "local co = coroutine.wrap(function(v) local w = v coroutine.yield() return w end)"
                 "co(a)"
                 "core.publish('u', { a = { x = 2 } })"
                 "local newer = core.query 'u'"
                 "assert(newer ~= u and newer.a ~= a)"
                 "core.update 'u'"
                 "assert(u == newer and a == u.a and a.x == 2 and gone == nil)"
                 "assert(map[a] == 'key' and map.value == a and map.deep[1][1] == a and up() == a "
                 "and co() == a)"
                 "local n = 0 for _ in pairs(map) do n = n + 1 end "
                 "return n"),
            "3");
}

TEST_F(SharedTableTest, DataFollowsItsUpdatesAndSaysWhatIsGone) {
  EXPECT_EQ(eval("assert(data.add('d', { list = { 1, 2 }, sub = { deep = { v = 1 } }, n = 1 }))"
                 "assert(not data.add('d', {}))"
                 "local d = data.query 'd'"
                 "local deep, list = d.sub.deep, d.list "
                 "for _ = 1, 50 do local _ = d.n, deep.v end "
                 "data.replace('d', { list = { 9 }, sub = { other = 1 }, n = 2 })"
                 "assert(d.n == 1)"
                 "data.sync 'd'"
                 "assert(d.n == 2 and #list == 1 and list[1] == 9 and d == data.query 'd')"
                 "assert(d.sub.other == 1)"
                 "local ok, message = pcall(function() return deep.v end)"
                 "return message"),
            "[string \"assert(data.add('d', { list = { 1, 2 }, sub =...\"]:1: "
            "The key [.sub.deep] doesn't exist after update");
  EXPECT_NE(eval("local d = data.query 'd' d.sub.x = 1").find("Error newindex, the key [.sub]"),
            std::string::npos);
  EXPECT_NE(eval("return data.query 'd' [true]").find("Invalid key type boolean"),
            std::string::npos);
  EXPECT_EQ(eval("return data.query 'd' [nil]"), "nil");
  EXPECT_EQ(eval("return data.remove 'd'"), "true");
}

TEST_F(SharedTableTest, WhatCannotBeSharedIsNamed) {
  EXPECT_NE(
      eval("local up = {} core.publish('x', { f = function() return up end })").find("upvalues"),
      std::string::npos);
  EXPECT_NE(eval("core.publish('x', setmetatable({}, {}))").find("metatable"), std::string::npos);
  EXPECT_NE(eval("core.publish('x', { coroutine.create(print) })").find("thread"),
            std::string::npos);
  EXPECT_NE(eval("data.add('x', { [1.5] = 1 })").find("Invalid key 1.5"), std::string::npos);
  EXPECT_NE(eval("data.add('x', { print })").find("Unsupport value type function"),
            std::string::npos);
  EXPECT_EQ(eval("return core.query 'x'"), "nil");
}

TEST_F(SharedTableTest, DeepDataNeedsNoDeepStack) {
  EXPECT_EQ(eval("local t = {} for _ = 1, 100000 do t = { down = t } end "
                 "core.publish('deep', t)"
                 "local s, n = core.query 'deep', 0 "
                 "while s.down do s, n = s.down, n + 1 end "
                 "return n"),
            "100000");
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
