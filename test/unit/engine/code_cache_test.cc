#include "lua/code_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace runtime::RUNTIME_ENGINE {
namespace {

class CodeCacheTest : public testing::Test {
 protected:
  CodeCacheTest() : name_("code_cache_test." + std::to_string(getpid()) + ".lua") {
    clear_code();
    luaL_openlibs(L);
    install_loadfile(L);
  }
  ~CodeCacheTest() override {
    lua_close(L);
    unlink(name_.c_str());
  }

  void write(const std::string& text) { std::ofstream(name_) << text; }

  // What the file returns, as text.
  std::string run() {
    if (load_file(L, name_.c_str()) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
      const std::string error = std::string("error: ") + lua_tostring(L, -1);
      lua_settop(L, 0);
      return error;
    }
    const char* text = lua_tostring(L, -1);
    const std::string result = text == nullptr ? "nil" : text;
    lua_settop(L, 0);
    return result;
  }

  // The first result of a chunk in which FILE is the file's name.
  std::string eval(const std::string& source) {
    lua_pushstring(L, name_.c_str());
    lua_setglobal(L, "FILE");
    if (luaL_loadstring(L, source.c_str()) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
      return lua_tostring(L, -1);
    }
    const char* text = luaL_tolstring(L, -1, nullptr);
    const std::string result = text;
    lua_settop(L, 0);
    return result;
  }

  std::string name_;
  lua_State* L = luaL_newstate();
};

TEST_F(CodeCacheTest, AChangedFileIsSeenAfterClear) {
  write("return 1");
  EXPECT_EQ(run(), "1");
  write("return 2");
  EXPECT_EQ(run(), "1");
  clear_code();
  EXPECT_EQ(run(), "2");
}

TEST_F(CodeCacheTest, ModeOffReadsTheFileEachTime) {
  write("return 1");
  EXPECT_EQ(run(), "1");
  set_cache_mode(L, CacheMode::kOff);
  write("return 2");
  EXPECT_EQ(run(), "2");
  set_cache_mode(L, CacheMode::kOn);
  EXPECT_EQ(run(), "1") << "nor is the cache changed";
}

TEST_F(CodeCacheTest, ModeExistUsesTheCacheAndAddsNothing) {
  set_cache_mode(L, CacheMode::kExist);
  write("return 1");
  EXPECT_EQ(run(), "1");
  write("return 2");
  EXPECT_EQ(run(), "2");
  set_cache_mode(L, CacheMode::kOn);
  EXPECT_EQ(run(), "2");
  write("return 3");
  set_cache_mode(L, CacheMode::kExist);
  EXPECT_EQ(run(), "2");
}

TEST_F(CodeCacheTest, TheModeBelongsToOneState) {
  set_cache_mode(L, CacheMode::kOff);
  lua_State* other = luaL_newstate();
  EXPECT_EQ(cache_mode(other), CacheMode::kOn);
  lua_close(other);
}

TEST_F(CodeCacheTest, ErrorsFromCachedCodeNameFileAndLine) {
  write("\n\nerror 'oops'");
  const std::string expected = "error: " + name_ + ":3: oops";
  EXPECT_EQ(run(), expected);
  EXPECT_EQ(run(), expected);
}

TEST_F(CodeCacheTest, SyntaxErrorsAreNotCached) {
  write("= =");
  EXPECT_NE(run().find(name_ + ":1:"), std::string::npos);
#ifdef RUNTIME_LUAJIT
  EXPECT_EQ(run().find("'lua54'"), std::string::npos) << "that would not help";
  write("return 7 // 2");
  EXPECT_NE(run().find("'lua54'"), std::string::npos) << "says how to run it";
#endif
  write("return 1");
  EXPECT_EQ(run(), "1");
}

TEST_F(CodeCacheTest, AMissingFileIsNamed) {
  EXPECT_NE(load_file(L, "no-such-file.lua"), LUA_OK);
  EXPECT_NE(std::string(lua_tostring(L, -1)).find("no-such-file.lua"), std::string::npos);
}

TEST_F(CodeCacheTest, FirstLineMarksAreSkipped) {
  write("#!/usr/bin/lua\nreturn 1");
  EXPECT_EQ(run(), "1");
  clear_code();
  write("\xEF\xBB\xBFreturn 2");
  EXPECT_EQ(run(), "2");
  EXPECT_EQ(run(), "2");
}

TEST_F(CodeCacheTest, BinaryFilesLoadToo) {
  eval(
      "local f = io.open(FILE, 'wb') f:write(string.dump(loadstring and loadstring 'return 7' or "
      "load 'return 7')) f:close()");
  EXPECT_EQ(run(), "7");
  EXPECT_EQ(run(), "7");
}

TEST_F(CodeCacheTest, ChunksShareNoState) {
  write("local n = 0 return function() n = n + 1 return n end");
  EXPECT_EQ(eval("local a, b = loadfile(FILE)(), loadfile(FILE)() a() return a() .. b()"), "21");
}

TEST_F(CodeCacheTest, LoadfileTakesModeAndEnvironment) {
  write("x = 5 return x");
  EXPECT_EQ(eval("local env = {} loadfile(FILE, 't', env)() return tostring(x) .. env.x"), "nil5");
  EXPECT_EQ(eval("local env = {} loadfile(FILE, nil, env)() return tostring(x) .. env.x"), "nil5");
  EXPECT_NE(eval("return select(2, loadfile(FILE, 'b'))").find("mode"), std::string::npos);
  EXPECT_EQ(eval("return select('#', loadfile(FILE .. '.none'))"), "2");
}

TEST_F(CodeCacheTest, LoadfileIsOneFunctionPerState) {
  lua_getglobal(L, "loadfile");
  push_loadfile(L);
  EXPECT_TRUE(lua_rawequal(L, -1, -2));
}

TEST_F(CodeCacheTest, ManyThreadsLoadOneFileWhileItIsCleared) {
  write("return 1");
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      lua_State* state = luaL_newstate();
      for (int i = 0; i < 200; ++i) {
        if (load_file(state, name_.c_str()) != LUA_OK || lua_pcall(state, 0, 1, 0) != LUA_OK ||
            lua_tointeger(state, -1) != 1) {
          ++wrong;
        }
        lua_settop(state, 0);
        if (i % 10 == t) clear_code();
      }
      lua_close(state);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
