#include "lua/raw_stack.h"

#include <gtest/gtest.h>

#include "seri_state.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

class RawStackTest : public SeriState {};

TEST_F(RawStackTest, AFunctionFindsItsArguments) {
  // found(...) = how many arguments are found, and whether each is of the kind that the interface tells
  lua_register(L, "found", [](lua_State* S) {
    const RawValues values(S);
    const int count = lua_gettop(S);
    bool same = values.find(count + 1) == nullptr;
    for (int i = 1; i <= count; ++i) {
      const RawValue* const value = values.find(i);
      same = same && value != nullptr &&
             (value->kind() == RawKind::string) == (lua_type(S, i) == LUA_TSTRING);
    }
    lua_pushboolean(S, same);
    return 1;
  });
  EXPECT_EQ(eval("return found()"), "true");
  EXPECT_EQ(eval("return found('a', 1, nil, {}, 'b', false, print)"), "true");
  EXPECT_EQ(eval("local function pass(...) return (found(...)) end return pass('a', pass(1, 'x'))"),
            "true");
  EXPECT_EQ(eval("return coroutine.wrap(function(...) coroutine.yield() return found('x', ...) "
                 "end)(1, 2) == nil"),
            "true");
  EXPECT_EQ(
      eval("local f = coroutine.wrap(function(...) coroutine.yield() return (found('x', ...)) "
           "end) f(1, 'y') return f()"),
      "true");
}

TEST_F(RawStackTest, ValuesMoveToACoroutineInTheirOrder) {
  lua_State* const co = lua_newthread(L);
  for (int count = 0; count <= 8; ++count) {
    lua_settop(L, 1);
    lua_pushliteral(L, "stays");
    for (int i = 1; i <= count; ++i) push_number(L, i);
    move_values(L, co, count);
    EXPECT_EQ(lua_gettop(L), 2);
    ASSERT_EQ(lua_gettop(co), count);
    for (int i = 1; i <= count; ++i) EXPECT_EQ(lua_tointeger(co, i), i);
    lua_settop(co, 0);
  }
}

TEST_F(RawStackTest, AUserdataHasItsMetatable) {
  lua_newuserdatauv(L, 8, 0);
  lua_newtable(L);
  const void* const metatable = lua_topointer(L, -1);
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, L);
  lua_pushliteral(L, "text");
  lua_newtable(L);
  lua_pushcfunction(L, l_unpack);
  lua_pushthread(L);
  lua_pushnil(L);
  const RawValues values(L);
  ASSERT_NE(find_userdata(*values.find(1)), nullptr);
  EXPECT_EQ(find_userdata(*values.find(1))->metatable, metatable);
  for (int i = 2; i <= lua_gettop(L); ++i) EXPECT_EQ(find_userdata(*values.find(i)), nullptr) << i;
}

TEST_F(RawStackTest, NumbersArePushedAsTheyAre) {
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 53,
                                    -(std::int64_t{1} << 53), std::int64_t{0xffffffff}}) {
    lua_settop(L, 0);
    push_number(L, number);
    lua_pushinteger(L, static_cast<lua_Integer>(number));
    EXPECT_TRUE(lua_rawequal(L, 1, 2)) << number;
  }
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
