// Images from Lua source, which runs in a state of its own.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "share/image.h"

namespace runtime {

// One of the values that the source gets as `...`.
struct SharedArgument {
  share::Value value;  // nil, a boolean, a number, a pointer
  // The value is a pointer to a C function for `engine`.
  bool is_function = false;
  share::Engine engine = share::Engine::lua54;
};

// Source code whose result, a table, is to be shared.
struct SharedSource {
  std::string_view name;  // a file name, or what error messages call the text
  std::string_view text;  // used if is_text
  bool is_text = false;
  std::span<const SharedArgument> arguments;
};

// An image, or the reason why there is none.
struct SharedResult {
  share::ImageRef image;
  std::string error;
  bool ran = false;  // the source itself ran to its end: what is wrong is its result
};

// One for each engine: runs the source in a fresh state with the standard libraries.
namespace lua54 {
SharedResult run_shared_source(const SharedSource& source) noexcept;
}
namespace luajit {
SharedResult run_shared_source(const SharedSource& source) noexcept;
}

// Runs the source on Lua 5.4, whose integers have 64 bits, or on LuaJIT if 5.4 cannot run it. If
// there are functions in the result, on both, so that each engine has them in its own form.
SharedResult load_shared_source(const SharedSource& source) noexcept;

}  // namespace runtime
