// Which requests are done in a moment, whatever the store holds: those that concern a few documents,
// each of them new or found by its _id.
//
// Threads: any.
#pragma once

#include "docstore/wire/request.h"

namespace runtime::docstore {

enum class Brevity {
  none,   // it may take any time
  read,   // it is short
  write,  // it is short, up to the commit
};

Brevity brevity_of(const Request& request);

}  // namespace runtime::docstore
