// Documents whose time has come: those whose date under a TTL index lies more than its seconds ago.
//
// Of several dates in an array the earliest one counts; what has no date stays.
//
// Threads: that of the store. remove_expired_documents() in a transaction of the caller's; when the file fails, the
// connection tells.
#pragma once

#include "docstore/commands/engine.h"

namespace runtime::docstore {

bool has_expired_documents(Engine& engine);
void remove_expired_documents(Engine& engine);

}  // namespace runtime::docstore
