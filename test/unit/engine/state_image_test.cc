#include "lua/state_image.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "lua/code_cache.h"
#include "lua/jit_areas.h"
#include "lua/start_records.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

// A state that is a copy of the image, on a heap of its own.
struct Copy {
  explicit Copy(const StateImage& image) {
    EXPECT_TRUE(image.heap->copy_to(heap));
    L = static_cast<lua_State*>(image.heap->in_copy(heap, image.main));
    lua_setallocf(L, LuaHeap::alloc, &heap);
    lua_gc(L, LUA_GCRESTART, 0);
  }
  ~Copy() { lua_close(L); }

  std::string eval(const std::string& source) {
    if (luaL_loadstring(L, source.c_str()) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
      return lua_tostring(L, -1);
    }
    const std::string result = luaL_tolstring(L, -1, nullptr);
    lua_settop(L, 0);
    return result;
  }

  LuaHeap heap;
  lua_State* L;
};

class StateImageTest : public testing::Test {
 protected:
  StateImageTest() {
    clear_images();
    const auto alloc = [](void* blocks, void* block, std::size_t, std::size_t new_size) {
      return static_cast<RecordedBlocks*>(blocks)->alloc(block, new_size);
    };
    L = lua_newstate(alloc, &original_);
  }
  ~StateImageTest() override { lua_close(L); }

  // What went wrong, or "".
  std::string fill(const char* code = "") {
    lua_pushcfunction(L, [](lua_State* S) {
      const auto& self = *static_cast<const StateImageTest*>(lua_touserdata(S, 1));
      fill_state(S, self.environment_, false, self.files_, &self.original_);
      return 0;
    });
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK) return "code";
    lua_pushlightuserdata(L, this);
    const int status = lua_pcall(L, 1, 0, 0);
    const std::string error = status == LUA_OK ? "" : lua_tostring(L, -1);
    lua_settop(L, 0);
    return error;
  }

  std::shared_ptr<const StateImage> image() {
    EXPECT_EQ(fill(), "");
    return take_image(L, original_);
  }

  Environment environment_;
  FileNames files_;
  RecordedBlocks original_;
  lua_State* L;
};

constexpr char kWork[] =
    "local list = {} "
    "for i = 1, 20000 do list[i % 500] = { tostring(i), function() return i end } end "
    "collectgarbage() "
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) "
    "return table.concat({ co(1), co(21), list[7][1], list[7][2](), math.floor(2.5), "
    "  ('x'):rep(3), select('#', string.byte('abc', 1, -1)), tostring(pcall(error, 'e')) }, ' ')";

TEST_F(StateImageTest, CopiesWorkIndependently) {
  const std::shared_ptr<const StateImage> made = image();
  if (made->heap == nullptr) GTEST_SKIP() << "states cannot be copied with this sanitizer";
  Copy one(*made);
  const std::string result = one.eval(kWork);
  EXPECT_EQ(result, "2 42 19507 19507 2 xxx 3 false");
  Copy two(*made);
  EXPECT_EQ(one.eval("x = 1 string.mine = 2 return x"), "1");
  EXPECT_EQ(two.eval("return tostring(x) .. tostring(string.mine)"), "nilnil");
  EXPECT_EQ(two.eval(kWork), result);
  EXPECT_EQ(one.eval(kWork), result);
}

#ifdef RUNTIME_LUAJIT
// They all try the same addresses for it.
TEST_F(StateImageTest, MachineCodeOfEachCopyHasAPlace) {
  const std::shared_ptr<const StateImage> made = image();
  if (made->heap == nullptr) GTEST_SKIP() << "states cannot be copied with this sanitizer";
  constexpr std::size_t kCopies = 100;
  const std::size_t before = jit_areas();
  std::vector<std::unique_ptr<Copy>> copies;
  for (std::size_t i = 1; i <= kCopies; ++i) {
    copies.push_back(std::make_unique<Copy>(*made));
    EXPECT_EQ(copies.back()->eval("local x = 0 for i = 1, 1000 do x = x + i end return x"), "500500");
    EXPECT_EQ(jit_areas(), before + i);
  }
  copies.clear();
  EXPECT_EQ(jit_areas(), before);
}
#endif

TEST_F(StateImageTest, UpvaluesOfEveryTypeKeepTheirTypes) {
  // Each upvalue was one of a running function before, with other upvalues about it.
  luaL_openlibs(L);
  ASSERT_EQ(fill("if jit then jit.off() end "  // as fill_state() has it
                 "kept = {} "
                 "for i = 1, 200 do "
                 "  local none, no, yes, number, f = nil, false, true, i, type "
                 "  local text, list, thread = 'text' .. i, {}, coroutine.create(print) "
                 "  kept[i] = function() return none, no, yes, number, f, text, list, thread end "
                 "end"),
            "");
  const std::shared_ptr<const StateImage> made = take_image(L, original_);
  if (made->heap == nullptr) GTEST_SKIP() << "states cannot be copied with this sanitizer";
  Copy copy(*made);
  EXPECT_EQ(
      copy.eval(
          "for i, f in ipairs(kept) do "
          "  local none, no, yes, number, call, text, list, thread = f() "
          "  local types = type(list) .. type(thread) .. type(call) .. text "
          "  if none ~= nil or no ~= false or yes ~= true or number ~= i or call(i) ~= 'number' "
          "    or types ~= 'tablethreadfunctiontext' .. i then return i .. types end "
          "end return #kept"),
      "200");
}

TEST_F(StateImageTest, AStateWithAnObjectAsAKeyIsRefused) {
  lua_newtable(L);
  lua_newtable(L);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_setfield(L, LUA_REGISTRYINDEX, "somewhere");
  EXPECT_NE(fill().find("a table has a table as a key"), std::string::npos);
}

TEST_F(StateImageTest, AStateWithALightUserdataThatPointsIntoItselfIsRefused) {
  if (image()->heap == nullptr) GTEST_SKIP() << "states cannot be copied with this sanitizer";
  lua_pushlightuserdata(L, lua_newuserdatauv(L, 8, 0));
  lua_setfield(L, LUA_REGISTRYINDEX, "somewhere");
  EXPECT_NE(fill().find("a light userdata points into the heap"), std::string::npos);
}

// What load_file() gives in a copy, called: what the file returns.
std::string load(Copy& copy, const std::string& file) {
  if (load_file(copy.L, file.c_str()) != LUA_OK) return "error";
  lua_call(copy.L, 0, 1);
  const std::string result = luaL_tolstring(copy.L, -1, nullptr);
  lua_settop(copy.L, 0);
  return result;
}

void write(const std::string& file, const char* source) { std::ofstream(file) << source; }

TEST_F(StateImageTest, AFileThatIsReadyIsTheOneThatTheCacheHas) {
  const std::string file = testing::TempDir() + "ready_code_test.lua";
  clear_code();
  write(file, "n = (n or 0) + 1 return 'old' .. n");
  files_ = {file};
  const std::shared_ptr<const StateImage> made = image();
  if (made->heap == nullptr) GTEST_SKIP() << "states cannot be copied with this sanitizer";
  write(file, "return 'new'");
  Copy one(*made);
  EXPECT_TRUE(take_ready_code(one.L, file.c_str()));
  EXPECT_FALSE(take_ready_code(one.L, file.c_str())) << "each load gives a function of its own";
  lua_settop(one.L, 0);
  EXPECT_EQ(load(one, file), "old1");
  Copy two(*made);
  EXPECT_EQ(load(two, file), "old1");
  EXPECT_EQ(load(two, file), "old2");
  Copy dropped(*made);
  end_ready_code(dropped.L);
  EXPECT_FALSE(take_ready_code(dropped.L, file.c_str()));
  Copy off(*made);
  set_cache_mode(off.L, CacheMode::kOff);
  EXPECT_EQ(load(off, file), "new");
  Copy late(*made);
  clear_code();
  EXPECT_EQ(load(late, file), "new");
  std::remove(file.c_str());
}

// A service and its modules are looked for in one place after the other.
TEST_F(StateImageTest, FilesThatAreOnlyLookedForAreNotRecorded) {
  const std::string file = testing::TempDir() + "ready_code_test.lua";
  clear_code();
  write(file, "return 1");
  FileNames files;
  record_files(L, &files);
  for (int cached = 0; cached < 2; ++cached) {
    EXPECT_NE(load_file(L, "./no such file.lua"), LUA_OK);
    EXPECT_EQ(load_file(L, file.c_str()), LUA_OK);
  }
  end_ready_code(L);
  EXPECT_EQ(load_file(L, file.c_str()), LUA_OK);
  EXPECT_EQ(files, (FileNames{file, file}));
  std::remove(file.c_str());
}

TEST_F(StateImageTest, FilesThatCannotBeLoadedAreNotMadeReady) {
  files_ = {"./no such file.lua"};
  EXPECT_NE(fill().find("no such file"), std::string::npos);
}

TEST_F(StateImageTest, AServiceGetsAnImageOfItsOwnAfterManyStarts) {
  const std::shared_ptr<const StateImage> made = image();
  if (made->heap == nullptr) GTEST_SKIP() << "states cannot be copied with this sanitizer";
  ImageQuestion question;
  find_image(environment_, "service", &question);
  put_image(question, made);
  for (unsigned i = 0; i < StartRecords::kStarts; ++i) {
    ImageQuestion start;
    EXPECT_EQ(find_image(environment_, "service", &start), made);
    EXPECT_TRUE(start.wants_files);
    EXPECT_TRUE(start.files.empty());
    note_start(start, i == 3 ? FileNames{"b", "a"} : FileNames{"a", "b", "c"});
  }
  ImageQuestion maker, other;
  EXPECT_EQ(find_image(environment_, "service", &maker), made);
  EXPECT_EQ(maker.files, (FileNames{"a", "b"})) << "what all of them have loaded";
  EXPECT_EQ(find_image(environment_, "service", &other), made) << "while it is being made";
  EXPECT_TRUE(other.files.empty());
  EXPECT_FALSE(other.wants_files);
  const std::shared_ptr<const StateImage> own = std::make_shared<const StateImage>();
  put_service_image(maker, own);
  EXPECT_EQ(find_image(environment_, "service", &other), own);
  EXPECT_EQ(find_image(environment_, "another", &other), made);
  clear_images();
  put_service_image(maker, own);
  EXPECT_EQ(find_image(environment_, "service", &other), nullptr);
}

TEST_F(StateImageTest, IsFoundByTheConfigUntilTheNextClear) {
  ImageQuestion question;
  EXPECT_EQ(find_image(environment_, "service", &question), nullptr);
  const std::shared_ptr<const StateImage> made = image();
  put_image(question, made);
  EXPECT_EQ(find_image(environment_, "service", &question), made);
  Environment other;
  other.set("lua_path", "./elsewhere/?.lua");
  EXPECT_EQ(find_image(other, "service", &question), nullptr);
  clear_images();
  put_image(question, made);  // made of what was there before
  EXPECT_EQ(find_image(other, "service", &question), nullptr);
  EXPECT_EQ(find_image(environment_, "service", &question), nullptr);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
