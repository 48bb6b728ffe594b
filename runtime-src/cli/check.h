// `check CONFIG`: whether a node would find and compile what its config names.
#pragma once

#include "cli/command_line.h"

namespace runtime {

// Prints what it finds. The exit status: 1 when something is wrong that a node would fail with.
int check_config(const std::string& path, const Settings& settings);

}  // namespace runtime
