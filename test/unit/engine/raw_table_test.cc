#include "lua/raw_table.h"

#include "seri_state.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

class RawTableTest : public SeriState {
 protected:
  RawTableTest() { lua_register(L, "known_length", l_known_length); }

  // length = known_length(table); nil where raw_length() leaves it to the engine
  static int l_known_length(lua_State* L) {
    std::size_t length;
    if (!raw_length(raw_table(L, 1), &length)) return 0;
    lua_pushinteger(L, static_cast<lua_Integer>(length));
    return 1;
  }
};

TEST_F(RawTableTest, TheEngineIsTheOneThatIsDescribed) { EXPECT_TRUE(raw_values_known()); }

TEST_F(RawTableTest, AnArrayWithoutHolesHasItsLength) {
  EXPECT_EQ(eval("for n = 0, 300 do\n"
                 "  local t = {}\n"
                 "  for i = 1, n do t[i] = i end\n"
                 "  for i = n, 0, -1 do\n"
                 "    if known_length(t) ~= i or #t ~= i then return n .. ', ' .. i end\n"
                 "    t[i] = nil\n"
                 "  end\n"
                 "end"),
            "nil");
}

TEST_F(RawTableTest, TheEngineChoosesTheLengthOfAnArrayWithHoles) {
  EXPECT_EQ(eval("return known_length { 1, nil, 3 }"), "nil");
  EXPECT_EQ(eval("return known_length { nil, 2 }"), "nil");
}

// The other way to pack is taken for a table with a metatable.
TEST_F(RawTableTest, BothWaysToPackATableGiveTheSameBytes) {
  EXPECT_EQ(
      eval("local seed = 7\n"
           "local function random(n) seed = seed * 16807 % 2147483647 return seed % n + 1 end\n"
           "local function value(depth)\n"
           "  local kind = random(8)\n"
           "  if kind == 1 then return true elseif kind == 2 then return false end\n"
           "  if kind == 3 then return -random(1000) / 8 elseif kind == 4 then return "
           "('x'):rep(random(300)) end\n"
           "  if kind > 5 or depth > 3 then return random(100000) end\n"
           "  local t = {}\n"
           "  for i = 1, random(12) - 1 do t[i] = value(depth + 1) end\n"
           "  for _ = 1, random(6) - 1 do t['key' .. random(9)] = value(depth + 1) end\n"
           "  for _ = 1, random(4) - 1 do t[random(20) - 5] = value(depth + 1) end\n"
           "  for _ = 1, random(4) - 1 do t[random(12)] = nil end\n"
           "  if random(4) == 1 then t[true], t[0.5], t[false] = 1, {}, 'f' end\n"
           "  return t\n"
           "end\n"
           "local tables = 0\n"
           "for _ = 1, 20000 do\n"
           "  local t = value(0)\n"
           "  if type(t) == 'table' then\n"
           "    tables = tables + 1\n"
           "    if packstring(t) ~= packstring(setmetatable(t, {})) then return seed end\n"
           "  end\n"
           "end\n"
           "return tables > 1000"),
      "true");
}

TEST_F(RawTableTest, WhatIsLeftToTheInterfaceInsideOfATableIsPackedOnce) {
  EXPECT_EQ(
      eval("local inner = setmetatable({}, { __pairs = function() return next, { a = 1 } end })\n"
           "return packstring { 'before', { ('x'):rep(9000), inner } } ==\n"
           "  packstring { 'before', { ('x'):rep(9000), { a = 1 } } }"),
      "true");
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
