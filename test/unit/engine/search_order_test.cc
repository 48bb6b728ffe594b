#include "lua/search_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runtime::RUNTIME_ENGINE {
namespace {

using Names = std::set<std::string>;

// The names of what lies in a folder. Tests run in the root of the tree.
Names names_in(const char* folder) {
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.insert(entry.path().stem());
  names.erase("README");
  return names;
}

Names set_of(std::span<const std::string_view> names) { return {names.begin(), names.end()}; }

// What `push` makes of `patterns` for each name in `folder` that is not one of the framework's: this
// tree comes last.
template <class Push>
void expect_tree_last(Push push, const char* folder, const Names& framework) {
  const std::string tree = std::string("./") + folder + "/?.lua;";
  lua_State* L = luaL_newstate();
  lua_pushstring(L, (tree + "./mine/?.lua").c_str());
  for (const std::string& name : names_in(folder)) {
    push(L, 1, name.c_str());
    const bool is_last = lua_tostring(L, -1) == "./mine/?.lua;" + tree;
    EXPECT_NE(is_last, framework.contains(name)) << name;
    lua_pop(L, 1);
  }
  lua_close(L);
}

TEST(SearchOrder, PutsTheTreeLastForAllThatIsNotTheFrameworks) {
  expect_tree_last(push_module_patterns, "lualib", set_of(framework_modules()));
  expect_tree_last(push_service_patterns, "service", set_of(framework_services()));
}

TEST(SearchOrder, KnowsNoFrameworkThatIsNotThere) {
  for (const auto& [folder, framework] : {std::pair("lualib", set_of(framework_modules())),
                                          {"service", set_of(framework_services())}}) {
    const Names there = names_in(folder);
    EXPECT_TRUE(std::ranges::includes(there, framework)) << folder;
  }
}

TEST(SearchOrder, PutsTheTreeLastForAnEverydayNameOnly) {
  lua_State* L = luaL_newstate();
  const char* modules = "./lualib/?.lua;./mine/?.lua";
  const char* tree_last = "./mine/?.lua;./lualib/?.lua;";
  lua_pushstring(L, modules);
  for (const auto& [name, order] :
       std::vector<std::pair<const char*, const char*>>{{"config", tree_last},
                                                        {"util.table", tree_last},
                                                        {"skynet.queue", modules},
                                                        {"configuration", modules},
                                                        {"mine.config", modules}}) {
    push_module_patterns(L, 1, name);
    EXPECT_STREQ(lua_tostring(L, -1), order) << name;
  }
  const char* services = "./service/?.lua;./mine/?.lua";
  lua_settop(L, 0);
  lua_pushstring(L, services);
  push_service_patterns(L, 1, "main");
  EXPECT_STREQ(lua_tostring(L, -1), "./mine/?.lua;./service/?.lua;");
  push_service_patterns(L, 1, "launcher");
  EXPECT_STREQ(lua_tostring(L, -1), services);
  lua_close(L);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
