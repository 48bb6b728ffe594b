#include "lua/search_order.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

namespace runtime::RUNTIME_ENGINE {
namespace {

#include "tree_names.h"  // kTreeModules, kTreeServices: made from what lies in the two folders

constexpr std::string_view kModules[] = {
    "compat10", "http", "loader", "skynet", "snax", "sproto", "sprotoloader", "sprotoparser",
};

constexpr std::string_view kServices[] = {
    "bootstrap",     "cdummy",      "clusteragent", "clusterd",      "clusterproxy",
    "clustersender", "cmaster",     "cmemory",      "console",       "cslave",
    "datacenterd",   "dbg",         "debug_agent",  "debug_console", "gate",
    "launcher",      "multicastd",  "service_cell", "service_mgr",   "service_provider",
    "sharedatad",    "sharetabled", "snaxd",
};

using Names = std::span<const std::string_view>;

// Whether it is a name of `tree`, and an everyday one.
bool is_everyday(std::string_view name, Names tree, Names framework) {
  return std::ranges::find(tree, name) != tree.end() &&
         std::ranges::find(framework, name) == framework.end();
}

// A file that this tree's service/ has, and hardly another folder.
constexpr char kService[] = "bootstrap.lua";

// Whether a pattern leads to the folder of this tree that has the file `landmark`.
bool is_of_tree(std::string_view pattern, const char* landmark) {
  const std::string_view folder = pattern.substr(0, pattern.find('?'));
  if (folder.size() == pattern.size()) return false;
  char file[PATH_MAX];
  const int size = std::snprintf(file, sizeof(file), "%.*s%s", static_cast<int>(folder.size()),
                                 folder.data(), landmark);
  return size < static_cast<int>(sizeof(file)) && access(file, R_OK) == 0;
}

void push_tree_last(lua_State* L, std::string_view path, const char* landmark) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (const bool of_tree : {false, true}) {
    for (std::string_view rest = path; !rest.empty();) {
      const std::string_view pattern = take_pattern(&rest);
      if (pattern.empty() || is_of_tree(pattern, landmark) != of_tree) continue;
      luaL_addlstring(&buffer, pattern.data(), pattern.size());
      luaL_addchar(&buffer, ';');
    }
  }
  luaL_pushresult(&buffer);
}

}  // namespace

std::string_view take_pattern(std::string_view* list) {
  const std::string_view pattern = list->substr(0, list->find(';'));
  list->remove_prefix(std::min(pattern.size() + 1, list->size()));
  return pattern;
}

bool is_found(const char* file) {
  struct stat status;
  if (stat(file, &status) == 0) return !S_ISDIR(status.st_mode);
  return errno != ENOENT && errno != ENOTDIR;
}

bool is_of_tree_services(std::string_view pattern) { return is_of_tree(pattern, kService); }

std::span<const std::string_view> framework_modules() { return kModules; }

std::span<const std::string_view> framework_services() { return kServices; }

void push_module_patterns(lua_State* L, int path, const char* name) {
  const std::string_view first_part(name, std::strcspn(name, "."));
  if (is_everyday(first_part, kTreeModules, kModules)) {
    push_tree_last(L, lua_tostring(L, path), "skynet.lua");
  } else {
    lua_pushvalue(L, path);
  }
}

void push_service_patterns(lua_State* L, int path, const char* name) {
  if (is_everyday(name, kTreeServices, kServices)) {
    push_tree_last(L, lua_tostring(L, path), kService);
  } else {
    lua_pushvalue(L, path);
  }
}

}  // namespace runtime::RUNTIME_ENGINE
