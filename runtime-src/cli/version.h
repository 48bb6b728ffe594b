// What this executable was made of.
#pragma once

#include <string>

namespace runtime {

std::string version_text();

}  // namespace runtime
