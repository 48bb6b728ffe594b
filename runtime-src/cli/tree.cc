#include "cli/tree.h"

#include <unistd.h>

#include <filesystem>

namespace runtime {

std::string executable() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

std::string tree_root() {
  const std::string root = std::filesystem::path(executable()).parent_path().string() + "/";
  return access((root + "lualib/loader.lua").c_str(), R_OK) == 0 ? root : "";
}

void set_default_paths(Environment& environment, const std::string& root) {
  const auto add = [&](const char* key, std::string ours, const std::string& of_tree) {
    if (!root.empty()) ours += ";" + root + of_tree;
    environment.set(key, ours);
  };
  add("cpath", "./cservice/?.so", RUNTIME_CSERVICE "/?.so");
  add("luaservice", "./service/?.lua", "service/?.lua");
  add("lua_path", "./lualib/?.lua;./lualib/?/init.lua",
      "lualib/?.lua;" + root + "lualib/?/init.lua");
  add("lua_cpath", "./luaclib/?.so", RUNTIME_LUACLIB "/?.so");
  const char* const loader = "./lualib/loader.lua";
  const bool own = root.empty() || access(loader, R_OK) == 0;
  environment.set("lualoader", own ? loader : root + "lualib/loader.lua");
}

}  // namespace runtime
