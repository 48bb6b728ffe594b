// Names and numbers of kinds of values, as $type takes them.
#pragma once

#include <optional>
#include <vector>

#include "docstore/document/value.h"

namespace runtime::document {

// "string", 2, 2.0: one kind; "number": four of them. Nothing: refused.
std::optional<std::vector<Type>> types_of(const Value& value, CommandError* error);

}  // namespace runtime::document
