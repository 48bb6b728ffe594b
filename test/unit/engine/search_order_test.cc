#include "lua/search_order.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace runtime::RUNTIME_ENGINE {
namespace {

using Names = std::set<std::string>;

// What skynet has in the two folders too, and the services behind its modules.
const Names kModulesOfSkynet = {"compat10", "http",         "loader",       "md5",   "skynet",
                                "snax",     "sprotoloader", "sprotoparser", "sproto"};
const Names kServicesOfSkynet = {"bootstrap",        "cdummy",       "clusteragent",
                                 "clusterd",         "clusterproxy", "clustersender",
                                 "cmaster",          "cmemory",      "console",
                                 "cslave",           "datacenterd",  "dbg",
                                 "debug_agent",      "gate",         "debug_console",
                                 "launcher",         "multicastd",   "service_cell",
                                 "sharedatad",       "service_mgr",  "sharetabled",
                                 "service_provider", "snaxd"};

// The names of what lies in a folder, but for `known`. Tests run in the root of the tree.
Names others_in(const char* folder, const Names& known) {
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().stem();
    if (!known.contains(name) && name != "README") names.insert(name);
  }
  return names;
}

TEST(SearchOrder, NamesEveryModuleThatIsNotSkynets) {
  const auto listed = everyday_modules();
  EXPECT_EQ(Names(listed.begin(), listed.end()), others_in("lualib", kModulesOfSkynet))
      << "kModules in search_order.cc, and what lies in lualib/";
}

TEST(SearchOrder, NamesEveryServiceThatIsNotSkynets) {
  const auto listed = everyday_services();
  EXPECT_EQ(Names(listed.begin(), listed.end()), others_in("service", kServicesOfSkynet))
      << "kServices in search_order.cc, and what lies in service/";
}

TEST(SearchOrder, PutsTheTreeLastForAnEverydayNameOnly) {
  lua_State* L = luaL_newstate();
  const char* modules = "./lualib/?.lua;./mine/?.lua";
  const char* tree_last = "./mine/?.lua;./lualib/?.lua;";
  for (const auto& [name, order] :
       std::vector<std::pair<const char*, const char*>>{{"config", tree_last},
                                                        {"util.table", tree_last},
                                                        {"skynet.queue", modules},
                                                        {"configuration", modules},
                                                        {"mine.config", modules}}) {
    push_module_patterns(L, modules, name);
    EXPECT_STREQ(lua_tostring(L, -1), order) << name;
  }
  const char* services = "./service/?.lua;./mine/?.lua";
  push_service_patterns(L, services, "main");
  EXPECT_STREQ(lua_tostring(L, -1), "./mine/?.lua;./service/?.lua;");
  push_service_patterns(L, services, "launcher");
  EXPECT_STREQ(lua_tostring(L, -1), services);
  lua_close(L);
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE
