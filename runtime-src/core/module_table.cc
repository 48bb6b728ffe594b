#include "core/module_table.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace runtime {

namespace {

// "a.b" is file a.b.so with functions b_create, b_init, ...
std::string symbol_name(const std::string& module, const char* function) {
  const std::size_t dot = module.rfind('.');
  return (dot == std::string::npos ? module : module.substr(dot + 1)) + "_" + function;
}

std::vector<std::string> patterns_of(std::string_view path) {
  std::vector<std::string> patterns;
  for (std::size_t from = 0; from < path.size();) {
    const std::size_t end = std::min(path.find(';', from), path.size());
    if (end > from) patterns.emplace_back(path.substr(from, end - from));
    from = end + 1;
  }
  return patterns;
}

// Where the name goes into the pattern. One that has no place for it ends the process.
std::size_t place_of_name(const std::string& pattern) {
  const std::size_t mark = pattern.find('?');
  if (mark == std::string::npos) {
    std::fprintf(stderr, "Invalid C service path\n");
    std::fflush(nullptr);
    std::_Exit(1);  // other threads run
  }
  return mark;
}

template <class Function>
void look_up(void* library, const std::string& module, const char* function, Function** address) {
  *address = reinterpret_cast<Function*>(dlsym(library, symbol_name(module, function).c_str()));
}

}  // namespace

ModuleTable::ModuleTable(std::string_view path, std::span<const Module> builtins)
    : patterns_(patterns_of(path)), builtins_(builtins.begin(), builtins.end()) {
  std::ranges::copy_if(builtins_, std::back_inserter(modules_), &Module::is_fixed);
}

const Module* ModuleTable::find(std::string_view name, std::string* error) {
  std::lock_guard lock(mutex_);
  // What is fixed stands for a file that the first pattern finds.
  if (!patterns_.empty()) place_of_name(patterns_.front());
  const auto found = std::ranges::find(modules_, name, &Module::name);
  if (found != modules_.end()) return &*found;
  return load(std::string(name), error);
}

const Module* ModuleTable::load(const std::string& name, std::string* error) {
  std::string tried;
  void* library = nullptr;
  for (const std::string& pattern : patterns_) {
    std::string file = pattern;
    file.replace(place_of_name(pattern), 1, name);
    library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library != nullptr) break;
    const char* const reason = dlerror();
    // A file that is there and does not load is the error, whatever else could be found.
    if (access(file.c_str(), F_OK) == 0) {
      *error = reason ? reason : file;
      return nullptr;
    }
    if (!tried.empty()) tried += "; ";
    tried += reason ? reason : file;
  }
  if (library == nullptr) {
    const auto builtin = std::ranges::find(builtins_, name, &Module::name);
    if (builtin != builtins_.end()) return &modules_.emplace_back(*builtin);
    *error = tried;
    return nullptr;
  }
  Module module;
  module.name = name;
  look_up(library, name, "create", &module.create);
  look_up(library, name, "init", &module.init);
  look_up(library, name, "release", &module.release);
  look_up(library, name, "signal", &module.signal);
  if (module.init == nullptr) {
    *error = "no function " + symbol_name(name, "init");
    return nullptr;
  }
  return &modules_.emplace_back(std::move(module));
}

}  // namespace runtime
