#include "base/memory_ledger.h"

#include "base/allocator.h"
#include "base/check.h"

#ifdef RUNTIME_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

namespace runtime {

#ifdef RUNTIME_JEMALLOC

void MemoryLedger::find_counters() {
  std::uint64_t *allocated, *freed;
  std::size_t size = sizeof allocated;
  RUNTIME_CHECK(mallctl("thread.allocatedp", &allocated, &size, nullptr, 0) == 0 &&
                    mallctl("thread.deallocatedp", &freed, &size, nullptr, 0) == 0,
                "jemalloc counts by thread");
  counters_ = {allocated, freed};
}

#else

std::int64_t MemoryLedger::held_by_thread() {
  return static_cast<std::int64_t>(allocated_bytes()) - bytes_given;
}

#endif

}  // namespace runtime
