// The native modules that are part of the executable, found by `require` without a file.
#pragma once

#include <span>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

struct BuiltinModule {
  const char* name;  // as in require "name"
  lua_CFunction open;
};

std::span<const BuiltinModule> builtin_modules();

}  // namespace runtime::RUNTIME_ENGINE
