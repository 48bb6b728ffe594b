#include "lua/known_strings.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "seri_state.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

class KnownStringsTest : public SeriState {
 protected:
  // Whether what is pushed is the engine's own string of these bytes, and nothing else is.
  bool gives(const std::string& text) {
    lua_settop(L, 0);
    known.push(L, text.data(), text.size());
    lua_pushlstring(L, text.data(), text.size());
    return lua_gettop(L) == 2 && lua_type(L, 1) == LUA_TSTRING && lua_rawequal(L, 1, 2) != 0 &&
           lua_topointer(L, 1) == lua_topointer(L, 2);
  }
  void collect() {
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
  }

  // The bytes of a message with these values.
  std::string packed(const char* values) {
    lua_settop(L, 0);
    luaL_loadstring(L, (std::string("return packstring(") + values + ")").c_str());
    lua_call(L, 0, 1);
    return std::string(check_string(L, 1));
  }

  KnownStrings known;
};

TEST_F(KnownStringsTest, EachLengthGivesTheSameStringAgainAndAgain) {
  for (std::size_t size = 0; size <= KnownStrings::kMostBytes; ++size) {
    const std::string text(size, 'a');
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(gives(text)) << size;
  }
}

TEST_F(KnownStringsTest, BytesInTheMiddleCount) {
  // They meet in one slot, as their lengths and ends are the same.
  for (int round = 0; round < 40; ++round) {
    EXPECT_TRUE(gives("head-x-tail"));
    EXPECT_TRUE(gives("head-y-tail"));
    EXPECT_TRUE(gives(std::string("head-\0-tail", 11)));
  }
}

TEST_F(KnownStringsTest, NobodyElseNeedRefer) {
  const std::string text = "only here";
  EXPECT_TRUE(gives(text));
  collect();
  for (int i = 0; i < 1000; ++i) {  // others take the place of what has been freed
    lua_pushfstring(L, "other %d", i);
    lua_settop(L, 0);
  }
  EXPECT_TRUE(gives(text));
}

TEST_F(KnownStringsTest, StringsThatVaryAreRight) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % (KnownStrings::kMostBytes + 1), '\0');
    for (char& byte : text) byte = static_cast<char>('a' + random() % 3);
    ASSERT_TRUE(gives(text)) << text;
    if (i % 500 == 0) collect();
  }
}

TEST_F(KnownStringsTest, MessagesUnpackTheSameWithAndWithout) {
  const std::string bytes = packed("'sink', 1, '', {'sink', key = 'sink'}, 'sink'");
  for (int i = 0; i < 20; ++i) {
    lua_settop(L, 0);
    UnpackError error;
    ASSERT_EQ(unpack(L, bytes.data(), bytes.size(), &error, &known), 5);
    ASSERT_EQ(unpack(L, bytes.data(), bytes.size(), &error), 5);
    for (const int index : {1, 2, 3, 5}) EXPECT_TRUE(lua_rawequal(L, index, index + 5)) << index;
    collect();
  }
}

TEST_F(KnownStringsTest, BytesThatAreCutLeaveNothing) {
  const std::string bytes = packed("'sink', 'sink', 'sink'");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    lua_settop(L, 0);
    UnpackError error;
    const int values = unpack(L, bytes.data(), size, &error, &known);
    EXPECT_EQ(lua_gettop(L), values < 0 ? 0 : values) << size;
    EXPECT_EQ(values < 0, size % 5 != 0) << size;
  }
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
