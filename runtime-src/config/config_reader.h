// Reads a node's config: a Lua chunk whose globals become the node's environment.
//
// The chunk runs without any library, but strings have their methods. It may call `include "FILE"`, which runs another file in the
// same environment; a relative FILE is relative to the folder of the file that includes it. `$NAME`
// anywhere in a file's text stands for an environment variable of the process.
// A hostile file costs bounded time and memory: see the limits in config_reader.cc.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace runtime {

struct ConfigResult {
  // Key and value, sorted by key: strings, numbers as Lua prints them, "true" and "false".
  std::vector<std::pair<std::string, std::string>> entries;
  // What was wrong, in one line that names the file; empty when nothing was.
  std::string error;
};

// Uses the process's environment variables, which nobody may change meanwhile.
// `known` are globals that the config sees, and that are no settings unless it assigns them;
// `given` are settings that it finds there already, and may overwrite.
using ConfigEntries = std::vector<std::pair<std::string, std::string>>;
ConfigResult read_config(const std::string& path, const ConfigEntries& known = {},
                         const ConfigEntries& given = {});

}  // namespace runtime
