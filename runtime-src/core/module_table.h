// The kinds of service there are: C modules found through `cpath`, or built into the executable.
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
  // Of what is built in: what the rest of the node is made for, which no file can stand in for.
  bool is_fixed = false;
};

class ModuleTable {
 public:
  // `path`: patterns separated by ';', in which '?' stands for a module's name. A search that meets
  // one without it ends the process. A file that a pattern leads to counts before what is built in,
  // so that an application may have a logger or a gate of its own; only fixed modules come first.
  ModuleTable(std::string_view path, std::span<const Module> builtins);

  // Finds or loads a module; it stays what it is for good. Null when there is none, or when the
  // first file that is found does not load: *error says why.
  const Module* find(std::string_view name, std::string* error);

 private:
  const Module* load(const std::string& name, std::string* error);

  const std::vector<std::string> patterns_;
  const std::vector<Module> builtins_;
  std::mutex mutex_;
  std::deque<Module> modules_;  // those in use; guarded by mutex_; entries do not move
};

}  // namespace runtime
