#include "lua/seri.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace runtime::RUNTIME_ENGINE {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

class SeriTest : public testing::Test {
 protected:
  SeriTest() {
    luaL_openlibs(L);
    lua_register(L, "pack", l_pack);
    lua_register(L, "packstring", l_packstring);
    lua_register(L, "unpack_message", l_unpack);
    lua_register(L, "trash", l_trash);
  }
  ~SeriTest() override { lua_close(L); }

  // The first result of a chunk, as text; the error message if it raises.
  std::string eval(const std::string& source) {
    lua_settop(L, 0);
    if (luaL_loadstring(L, source.c_str()) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
      return std::string(luaL_tolstring(L, -1, nullptr));
    }
    return luaL_tolstring(L, -1, nullptr);
  }

  // How unpack() judges bytes: the number of values, or the reason why not.
  std::string judge(const std::string& bytes) {
    UnpackError error;
    lua_settop(L, 0);
    const int count = unpack(L, bytes.data(), bytes.size(), &error);
    EXPECT_EQ(lua_gettop(L), count < 0 ? 0 : count);
    lua_settop(L, 0);
    return count >= 0 ? std::to_string(count)
                      : std::to_string(error.left) + " left: " + error.reason;
  }

  lua_State* L = luaL_newstate();
};

TEST_F(SeriTest, PacksWhatTheFormatSays) {
  lua_pushliteral(L, "ab");
  lua_pushboolean(L, 1);
  const Packed packed = pack(L, 1);
  EXPECT_EQ(std::string(static_cast<char*>(packed.data), packed.size), from_hex("146162 09"));
  EXPECT_EQ(lua_gettop(L), 2);
  std::free(packed.data);
}

TEST_F(SeriTest, NoValuesAreNoBytes) {
  const Packed packed = pack(L, 1);
  EXPECT_EQ(packed.data, nullptr);
  EXPECT_EQ(packed.size, 0u);
  EXPECT_EQ(judge(""), "0");
}

TEST_F(SeriTest, PacksOnlyFromTheGivenIndexOn) {
  lua_pushliteral(L, "command");
  lua_pushboolean(L, 0);
  const Packed packed = pack(L, 2);
  EXPECT_EQ(packed.size, 1u);
  std::free(packed.data);
}

// Up to 16 bytes are put together in another way than what a string of packed values is made of.
TEST_F(SeriTest, FewBytesArePackedAsManyAre) {
  ASSERT_TRUE(lua_checkstack(L, 200));
  lua_pushnil(L);
  for (const int truth : {0, 1}) lua_pushboolean(L, truth);
  for (const double number : {0.0, -0.0, 1.0, 255.0, 256.0, 65535.0, 65536.0, -1.0, 0x1p31 - 1,
                              0x1p31, -0x1p31, -0x1p31 - 1, 0x1p53, 0x1p54, 0.5, HUGE_VAL}) {
    lua_pushnumber(L, number);
    if (std::abs(number) < 0x1p60) lua_pushinteger(L, static_cast<lua_Integer>(number));
  }
  for (std::size_t size = 0; size < 35; ++size) {
    lua_pushlstring(L,
                    "\xff"
                    "bcdefghijklmno\0qrstuvwxyz0123456789",
                    size);
  }
  lua_pushlightuserdata(L, nullptr);
  const int values = lua_gettop(L);
  const auto is_same = [&](int first) {
    const Packed packed = pack(L, first);
    push_packed(L, first);
    std::size_t size;
    const char* const text = lua_tolstring(L, -1, &size);
    const std::string_view bytes(static_cast<const char*>(packed.data), packed.size);
    const bool same = bytes == std::string_view(text, size);
    std::free(packed.data);
    lua_pop(L, 1);
    return same;
  };
  for (int a = 1; a <= values; ++a) {
    lua_pushvalue(L, a);
    EXPECT_TRUE(is_same(values + 1)) << a;
    for (int b = 1; b <= values; ++b) {
      lua_pushvalue(L, b);
      EXPECT_TRUE(is_same(values + 1)) << a << ' ' << b;
      for (const int c : {1, 5, 12, b, values - 3}) {
        lua_pushvalue(L, c);
        EXPECT_TRUE(is_same(values + 1)) << a << ' ' << b << ' ' << c;
        lua_pop(L, 1);
      }
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

TEST_F(SeriTest, LargeMessagesTakeTheBufferAlong) {
  for (const std::size_t size : {60000u, 70000u, 5000000u, 100u}) {
    lua_settop(L, 0);
    const std::string text(size, 'x');
    lua_pushlstring(L, text.data(), text.size());
    const Packed packed = pack(L, 1);
    UnpackError error;
    ASSERT_EQ(unpack(L, packed.data, packed.size, &error), 1);
    std::free(packed.data);
    EXPECT_TRUE(lua_rawequal(L, 1, 2));
  }
}

TEST_F(SeriTest, AFailedPackLeaksNothingAndHarmsNothing) {
  EXPECT_NE(eval("pack(('x'):rep(200000), print)").find("Unsupport type function"),
            std::string::npos);
  EXPECT_EQ(eval("return #packstring('abc')"), "4");
}

TEST_F(SeriTest, APackInsidePairsOfAnotherIsIndependent) {
  EXPECT_EQ(eval(R"(
    local t = setmetatable({}, { __pairs = function(self)
      return function(_, k)
        if k then return nil end
        local inner = packstring({ ("y"):rep(100), 1, 2, 3 })
        return "inner", inner
      end, self, nil
    end })
    local plain = packstring("before", { 1, 2 }, { inner = packstring({ ("y"):rep(100), 1, 2, 3 }) }, "after")
    return packstring("before", { 1, 2 }, t, "after") == plain)"),
            "true");
}

TEST_F(SeriTest, ABigTableWithPairsGrowsItsBuffer) {
  EXPECT_EQ(eval(R"(
    local t = setmetatable({}, { __pairs = function()
      return function(_, k)
        k = (k or 0) + 1
        if k <= 5000 then return k, ("v"):rep(50) end
      end
    end })
    local back = unpack_message(packstring({ first = t, second = { t } }))
    return #back.first .. " " .. #back.second[1] .. back.first[5000]:sub(1, 2))"),
            "5000 5000vv");
}

TEST_F(SeriTest, ErrorsInPairsComeThroughUnchanged) {
  EXPECT_EQ(eval(R"(
    local object = {}
    local _, got = pcall(pack, ("x"):rep(100000), setmetatable({}, { __pairs = function() error(object) end }))
    return got == object)"),
            "true");
}

TEST_F(SeriTest, FinalizersMayPackWhileAMessageIsPackedOrUnpacked) {
  EXPECT_EQ(eval(R"(
    local finalized = 0
    local function garbage()
      local finalize = function() finalized = finalized + 1 packstring({ finalized, ("f"):rep(3000) }) end
      if newproxy then getmetatable(newproxy(true)).__gc = finalize
      else setmetatable({}, { __gc = finalize }) end
    end
    local t = {}
    for i = 1, 300 do t[i] = { name = ("n"):rep(i) .. i } end
    for round = 1, 300 do
      garbage()
      local back = unpack_message(packstring(t))
      if #back ~= 300 or back[200].name ~= t[200].name then return "round " .. round end
    end
    collectgarbage()
    return finalized > 0)"),
            "true");
}

TEST_F(SeriTest, ArraysThatLieInTheHashPartKeepTheirOrder) {
  // Filled from the end, so that the traversal does not begin with 1, 2, 3.
  EXPECT_EQ(eval(R"(
    local t = { x = 1 }
    for i = 40, 1, -1 do t[i] = i end
    t[-1], t[0], t[1.5], t["2"] = -1, 0, 1.5, "2"
    local back = unpack_message(packstring(t))
    for i = 1, 40 do if back[i] ~= i then return i end end
    return back.x + back[-1] + back[0] + back[1.5] .. back["2"] .. #back)"),
            "1.5240");
}

TEST_F(SeriTest, EachKeyTravelsOnce) {
  EXPECT_EQ(eval("local t = {} for i = 10, 1, -1 do t[i] = true end return #packstring(t)"), "12");
}

#ifdef RUNTIME_LUAJIT
TEST_F(SeriTest, WholeNumbersBeyond53BitsAreInt64) {
  EXPECT_EQ(eval("return unpack_message(packstring(9007199254740993LL))"), "9007199254740993LL");
  EXPECT_EQ(eval("return unpack_message(packstring(-0x7fffffffffffffffLL - 1))"),
            "-9223372036854775808LL");
  EXPECT_EQ(eval("return type(unpack_message(packstring(9007199254740992LL)))"), "number");
  EXPECT_EQ(eval("return packstring(12ULL) == packstring(12)"), "true");
  EXPECT_EQ(eval("return unpack_message(packstring({ id = 9007199254740993ULL })).id"),
            "9007199254740993LL");
  EXPECT_NE(eval("return packstring(0xffffffffffffffffULL)").find("Unsupport type cdata"),
            std::string::npos);
  EXPECT_NE(eval("return packstring(require('ffi').new('int[2]'))").find("Unsupport type cdata"),
            std::string::npos);
}

TEST_F(SeriTest, DoublesThatAreWholeAndExactTravelAsIntegers) {
  EXPECT_EQ(eval("return #packstring(1.0)"), "2");
  EXPECT_EQ(eval("return #packstring(2 ^ 53)"), "9");
  EXPECT_EQ(eval("return packstring(2 ^ 53):byte(1)"), "50");
  EXPECT_EQ(eval("return packstring(2 ^ 53 + 2):byte(1)"), "66");
  EXPECT_EQ(eval("return packstring(2 ^ 62):byte(1)"), "66");
  EXPECT_EQ(eval("return packstring(-0.0):byte(1)"), "66");
}
#else
TEST_F(SeriTest, IntegersAndFloatsKeepTheirKind) {
  EXPECT_EQ(eval("return unpack_message(packstring(math.mininteger))"), "-9223372036854775808");
  EXPECT_EQ(eval("return unpack_message(packstring(1.0))"), "1.0");
  EXPECT_EQ(eval("return unpack_message(packstring(9007199254740993))"), "9007199254740993");
}
#endif

TEST_F(SeriTest, TellsWhatIsWrongAndWhere) {
  EXPECT_EQ(judge(from_hex("0a01 12ff")), "2 left: a value is cut");
  EXPECT_EQ(judge(from_hex("0a01 1c61")), "2 left: a value is cut");
  EXPECT_EQ(judge(from_hex("07")), "1 left: an unknown type or form");
  EXPECT_EQ(judge(from_hex("06 0c61")), "0 left: a value is missing");
  EXPECT_EQ(judge(from_hex("06 0c61 09")), "4 left: a table is cut");
  EXPECT_EQ(judge(from_hex("06 42000000000000f87f 0a01 00")), "12 left: table index is NaN");
  EXPECT_EQ(judge(from_hex("fe 42000000000000f03f 00")), "10 left: an array length is no integer");
}

#ifdef RUNTIME_LUAJIT
TEST_F(SeriTest, MadeUpPointersDoNotUseUpWhatAStateHasRoomFor) {
  const auto packed = [](std::uint64_t pointer) {
    return std::string(1, 3) + std::string(reinterpret_cast<const char*>(&pointer), sizeof pointer);
  };
  constexpr std::uint64_t kNumbers = 1000;
  std::uint64_t taken = 0;
  for (std::uint64_t i = 0; i < kNumbers; ++i) {
    const std::string said = judge(packed(i << 50 | i << 39));
    if (said == "1") {
      ++taken;
    } else {
      EXPECT_EQ(said, "9 left: a pointer to nowhere");
    }
  }
  EXPECT_LT(taken, 254U - 100) << "what has no room in one state";
  EXPECT_EQ(judge(packed(0)), "1");
  EXPECT_EQ(judge(packed(reinterpret_cast<std::uint64_t>(L))), "1");
  const auto block = std::make_unique<std::array<char, 1 << 20>>();
  EXPECT_EQ(judge(packed(reinterpret_cast<std::uint64_t>(block.get()))), "1");
  EXPECT_EQ(judge(std::string(8, 3)), "8 left: a value is cut");
}
#endif

TEST_F(SeriTest, ALengthThatTheDataDoesNotHoldIsRefusedBeforeAnyAllocation) {
  const std::size_t before = static_cast<std::size_t>(lua_gc(L, LUA_GCCOUNT, 0));
  EXPECT_EQ(judge(from_hex("fe 22ffffff7f")), "6 left: an array is longer than the data");
  EXPECT_EQ(judge(from_hex("fe 22ffffffff 00")), "7 left: an array is longer than the data");
  EXPECT_EQ(judge(from_hex("fe 32ffffffffffffff7f 00")),
            "11 left: an array is longer than the data");
  EXPECT_EQ(judge(from_hex("25 ffffffff 61")), "6 left: a string is cut");
  EXPECT_EQ(judge(from_hex("25 ffff")), "3 left: a string is cut");
  EXPECT_LE(static_cast<std::size_t>(lua_gc(L, LUA_GCCOUNT, 0)), before + 4);
}

TEST_F(SeriTest, NestingIsBounded) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth - 1), '\x0e') + '\x06' +
           std::string(static_cast<std::size_t>(depth), '\0');
  };
  EXPECT_EQ(judge(nested(200)), "1");
  EXPECT_NE(judge(nested(201)).find("nested too deep"), std::string::npos);
  EXPECT_NE(judge(std::string(1000000, '\x0e')).find("nested too deep"), std::string::npos);
}

TEST_F(SeriTest, MoreValuesThanTheStackHoldsAreRefused) {
  EXPECT_EQ(judge(std::string(5000, '\x09')), "5000");
  EXPECT_NE(judge(std::string(2000000, '\x09')).find("too many values"), std::string::npos);
}

TEST_F(SeriTest, ReadsMoreTablesThanItCountsOnTheStack) {
  for (const int tables : {254, 255, 256, 257, 10000}) {
    const std::string source =
        "local t = {} for i = 1, " + std::to_string(tables) +
        " do t[i] = { id = i, tag = 't' .. i } end\n"
        "local back, tail = unpack_message(packstring(t, 'tail'))\n"
        "for i = 1, #t do if back[i].id ~= i or back[i].tag ~= 't' .. i then return i end end\n"
        "return #back .. tail";
    EXPECT_EQ(eval(source), std::to_string(tables) + "tail");
  }
}

TEST_F(SeriTest, OfTwoEqualKeysTheLastOneCounts) {
  UnpackError error;
  const std::string bytes = from_hex("0e 0a01 0a01 0a02 0a01 0a03 00");
  ASSERT_EQ(unpack(L, bytes.data(), bytes.size(), &error), 1);
  lua_rawgeti(L, 1, 1);
  EXPECT_EQ(lua_tointeger(L, -1), 3);
}

TEST_F(SeriTest, ChecksTheArgumentsOfUnpack) {
  EXPECT_NE(eval("unpack_message(12)").find("number expected"), std::string::npos);
  EXPECT_NE(
      eval("local m, n = pack(1) local ok, e = pcall(unpack_message, m, -1) trash(m, n) error(e)")
          .find("negative"),
      std::string::npos);
  EXPECT_NE(eval("unpack_message(io.stdout, 1000)").find("larger than"), std::string::npos);
  EXPECT_NE(eval("local m = pack() unpack_message(m, 5)").find("deserialize null pointer"),
            std::string::npos);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
