// The schemas that all services of the process share, of both engines, by number.
//
// Threads: any.
#pragma once

#include "sproto/schema.h"

namespace runtime::sproto {

constexpr int kSlots = 16;

// `slot` is 0 .. kSlots - 1.
void save(int slot, SchemaRef schema) noexcept;
SchemaRef saved(int slot) noexcept;  // null when nothing was saved there

}  // namespace runtime::sproto
