// From a config file and the command line to a node's environment.
#pragma once

#include <string>

#include "cli/command_line.h"
#include "config/config_reader.h"
#include "core/environment.h"

namespace runtime {

// Reads the config and fills the environment: `settings` first, then what the config says, then the
// defaults. Nothing is filled in when the config has an error.
ConfigResult load_config(const std::string& path, const Settings& settings,
                         Environment& environment);

}  // namespace runtime
