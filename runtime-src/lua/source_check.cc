#include "lua/source_check.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "lua/builtin_modules.h"
#include "lua/engine.h"
#include "lua/search_order.h"
#ifdef RUNTIME_LUAJIT
#include <luajit.h>
#endif

namespace runtime::RUNTIME_ENGINE {

namespace {

using State = std::unique_ptr<lua_State, decltype(&lua_close)>;

// The functions here are called by no Lua code; what little may raise does so when memory runs out
// only, and ends the process.
State new_state() { return {luaL_newstate(), lua_close}; }

std::string replace(std::string_view pattern, const std::string& name) {
  std::string file;
  for (const char c : pattern) {
    if (c == '?') {
      file += name;
    } else {
      file += c;
    }
  }
  return file;
}

}  // namespace

std::string compile_error(const std::string& file) {
  const State state = new_state();
  if (state == nullptr) return "not enough memory";
  if (luaL_loadfilex(state.get(), file.c_str(), nullptr) == LUA_OK) return "";
  return lua_tostring(state.get(), -1);
}

SourceCheck check_source(const std::string& patterns, const std::string& name, SourceKind kind) {
  const State state = new_state();
  if (state == nullptr) return {"", "not enough memory"};
  lua_pushstring(state.get(), patterns.c_str());
  std::string part = name;
  if (kind == SourceKind::module) {
    push_module_patterns(state.get(), 1, name.c_str());
    std::ranges::replace(part, '.', '/');
  } else {
    push_service_patterns(state.get(), 1, name.c_str());
  }
  for (std::string_view rest = lua_tostring(state.get(), -1); !rest.empty();) {
    const std::string_view pattern = take_pattern(&rest);
    const std::string file = replace(pattern, part);
    if (!pattern.empty() && is_found(file.c_str())) return {file, compile_error(file)};
  }
  return {};
}

bool needs_no_file(const std::string& module) {
  static constexpr std::string_view kLibraries[] = {
      "string", "table",     "math", "io",  "os",  "debug",    "package", "_G",
      "utf8",   "coroutine", "bit",  "jit", "ffi", "jit.util", "jit.opt"};
  return std::ranges::find(kLibraries, module) != std::end(kLibraries) ||
         std::ranges::any_of(builtin_modules(),
                             [&](const BuiltinModule& m) { return module == m.name; });
}

const char* engine_version() {
#ifdef RUNTIME_LUAJIT
  return LUAJIT_VERSION;
#else
  return LUA_RELEASE;
#endif
}

}  // namespace runtime::RUNTIME_ENGINE
