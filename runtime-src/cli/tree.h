// The folder with lualib/ and service/ that belongs to this executable.
#pragma once

#include <string>

#include "core/environment.h"

namespace runtime {

// The executable's own file.
std::string executable();

// With a slash at its end; empty when the executable lies in no such folder.
std::string tree_root();

// The search paths that a config leaves out: skynet's defaults, relative to the current folder, and
// behind them the tree's folders, so that a node can run in any folder.
void set_default_paths(Environment& environment, const std::string& root);

}  // namespace runtime
