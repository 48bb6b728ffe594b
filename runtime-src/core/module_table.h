// The kinds of service there are: built into the executable, or C modules found through `cpath`.
//
// Threads: any.
#pragma once

#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skynet.h"

namespace runtime {

// The functions of a C service (skynet.h). All but init may be null.
struct Module {
  std::string name;
  void* (*create)() = nullptr;
  int (*init)(void* instance, skynet_context* context, const char* args) = nullptr;
  void (*release)(void* instance) = nullptr;
  void (*signal)(void* instance, int signal) = nullptr;
};

class ModuleTable {
 public:
  // `path`: patterns separated by ';', in which '?' stands for a module's name. A search that meets
  // one without it ends the process.
  ModuleTable(std::string_view path, std::span<const Module> builtins);

  // Finds or loads a module; it stays loaded for good. Null when there is none: *error says why.
  const Module* find(std::string_view name, std::string* error);

 private:
  const Module* load(const std::string& name, std::string* error);

  const std::vector<std::string> patterns_;
  std::mutex mutex_;
  std::deque<Module> modules_;  // guarded by mutex_; entries do not move
};

}  // namespace runtime
