// The service modules that are part of the executable.
#pragma once

#include <span>

#include "core/module_table.h"

namespace runtime {

std::span<const Module> builtin_services();

}  // namespace runtime
