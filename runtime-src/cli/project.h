// `new DIR`: a small project that runs, and whose test passes, as it is.
#pragma once

#include <string>

namespace runtime {

// `executable`: what its Makefile runs when there is no skynet-runtime on PATH. Prints what was
// made, or what was wrong; the exit status. A folder with something in it is refused.
int create_project(const std::string& folder, const std::string& executable);

}  // namespace runtime
