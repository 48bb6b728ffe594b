// What the executable was asked to do.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace runtime {

using Settings = std::vector<std::pair<std::string, std::string>>;  // config keys and their values

struct CommandLine {
  enum class Action { help, version, run, check, create, refuse } action = Action::refuse;
  std::string path;                  // run, check: the config; create: the folder
  Settings settings;                 // run, check: what comes in the place of the config's own
  std::vector<std::string> ignored;  // run, check: what is no key=value
  std::string error;                 // refuse: why
};

// A word like `check` is a config of that name when nothing follows it.
CommandLine parse_command_line(int argc, const char* const* argv);

// `name` is the executable as it was called.
std::string usage_line(const std::string& name);
std::string help_text(const std::string& name);

}  // namespace runtime
