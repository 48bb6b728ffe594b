// Looks for a source as a node would, and compiles it without running it. Defined for both engines.
#pragma once

#include <string>

namespace runtime {

struct SourceCheck {
  std::string file;   // the one that counts; empty when none is found
  std::string error;  // of the compiler; empty when it compiles, or when there is none
};

enum class SourceKind { service, module };

#define RUNTIME_SOURCE_CHECK                                                                    \
  SourceCheck check_source(const std::string& patterns, const std::string& name, SourceKind);   \
  /* Of this file alone. */                                                                     \
  std::string compile_error(const std::string& file);                                           \
  /* Whether `require` needs no file for the module: built in, or a library of the language. */ \
  bool needs_no_file(const std::string& module);                                                \
  const char* engine_version();

namespace lua54 {
RUNTIME_SOURCE_CHECK
}
namespace luajit {
RUNTIME_SOURCE_CHECK
}
#undef RUNTIME_SOURCE_CHECK

}  // namespace runtime
