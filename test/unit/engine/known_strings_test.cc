#include "lua/known_strings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "lua/seri_plain.h"
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

class PlainValuesTest : public KnownStringsTest {
 protected:
  PlainValuesTest() {
    if (!raw_values_known()) std::abort();
    for (const char* const text : {"sink", "wake up"}) {
      known.push(L, text, std::strlen(text));
      lua_settop(L, 0);
    }
  }
  // What unpack_plain() gives for the bytes, with nothing pushed when it is -1.
  int plain(const std::string& bytes) {
    lua_settop(L, 0);
    const int count = unpack_plain(L, bytes.data(), bytes.size(), &known);
    EXPECT_EQ(lua_gettop(L), count < 0 ? 0 : count);
    return count;
  }
};

TEST_F(PlainValuesTest, AreWhatUnpackGives) {
  for (const char* const values :
       {"", "nil", "true, false", "0, 1, 255, 256, 65535, 65536, -1", "-2147483648, 2147483647",
        "0.5, -1e300, 1/0", "'sink', 'wake up', nil", "nil, nil, nil, nil, nil, nil"}) {
    const std::string bytes = packed(values);
    const int count = plain(bytes);
    if (std::string(values).find("65536") != std::string::npos) {
      EXPECT_EQ(count, -1) << "seven values";
      continue;
    }
    UnpackError error;
    ASSERT_EQ(unpack(L, bytes.data(), bytes.size(), &error), count) << values;
    for (int i = 1; i <= count; ++i) {
      EXPECT_TRUE(lua_rawequal(L, i, count + i)) << values;
      EXPECT_EQ(lua_type(L, i), lua_type(L, count + i)) << values;
#ifdef RUNTIME_LUA54
      EXPECT_EQ(lua_isinteger(L, i), lua_isinteger(L, count + i)) << values;
#endif
    }
  }
}

TEST_F(PlainValuesTest, OtherMessagesAreLeftToUnpack) {
  for (const char* const values : {"'unknown'", "'sink', {}", "('x'):rep(40)", "1, print and {1}"})
    EXPECT_EQ(plain(packed(values)), -1) << values;
}

TEST_F(PlainValuesTest, WrongBytesAreLeftToUnpack) {
  const std::string bytes = packed("'sink', 70000, 0.5, true");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    UnpackError error;
    lua_settop(L, 0);
    const bool right = unpack(L, bytes.data(), size, &error) >= 0;
    EXPECT_EQ(plain(bytes.substr(0, size)) >= 0, right) << size;
  }
  // Each first byte, with and without many more behind it.
  for (const std::size_t more : {0, 8, 600}) {
    for (int head = 0; head < 256; ++head) {
      const std::string made = static_cast<char>(head) + std::string(more, '\0');
      UnpackError error;
      lua_settop(L, 0);
      const bool right = unpack(L, made.data(), made.size(), &error) >= 0;
      EXPECT_TRUE(right || plain(made) < 0) << head << " and " << more;
    }
  }
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
