#include "lua/builtin_modules.h"

namespace runtime::RUNTIME_ENGINE {

// In alphabetical order. Each is defined in lua_<module>.cc beside this file.
int open_codecache(lua_State* L);
int open_codecache(lua_State* L);
int open_core(lua_State* L);
int open_scheduler(lua_State* L);  // lua/lua_tasks.cc

std::span<const BuiltinModule> builtin_modules() {
  static constexpr BuiltinModule kModules[] = {
      {"skynet.codecache", open_codecache},
      {"skynet.codecache", open_codecache},
      {"skynet.core", open_core},
      {"skynet.scheduler", open_scheduler},
  };
  return kModules;
}

}  // namespace runtime::RUNTIME_ENGINE
