#include "lua/builtin_modules.h"

namespace runtime::RUNTIME_ENGINE {

// In alphabetical order. Each is defined in lua_<module>.cc beside this file.
int open_codecache(lua_State* L);
int open_core(lua_State* L);

std::span<const BuiltinModule> builtin_modules() {
  static constexpr BuiltinModule kModules[] = {
      {"skynet.codecache", open_codecache},
      {"skynet.core", open_core},
  };
  return kModules;
}

}  // namespace runtime::RUNTIME_ENGINE
