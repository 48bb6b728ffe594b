#include "malloc_hook.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "api/memory.h"
#include "base/allocator.h"
#include "core/scheduler.h"
#include "core/service.h"

using namespace runtime;

namespace {

template <class Number>
Number exchange(const char* name, Number* new_value) {
  if (new_value != nullptr && set_allocator_value(name, new_value, sizeof *new_value) != 0)
    return 0;
  return static_cast<Number>(allocator_value(name).value_or(0));
}

}  // namespace

extern "C" {

std::size_t malloc_used_memory(void) { return allocated_bytes(); }
std::size_t malloc_memory_block(void) { return allocated_blocks(); }

std::size_t malloc_current_memory(void) {
  const Worker* worker = Worker::current();
  if (worker == nullptr || worker->service() == nullptr) return 0;
  return static_cast<std::size_t>(std::max<std::int64_t>(0, worker->service()->memory.current()));
}

void memory_info_dump(const char* options) { print_allocator_report(options); }

std::size_t mallctl_int64(const char* name, std::size_t* new_value) {
  return exchange(name, new_value);
}
int mallctl_opt(const char* name, int* new_value) { return exchange(name, new_value); }
bool mallctl_bool(const char* name, bool* new_value) { return exchange(name, new_value); }
int mallctl_cmd(const char* name) { return set_allocator_value(name, nullptr, 0); }

void dump_c_mem(void) {
  std::vector<api::ServiceMemory> entries(api::memory_list_size() + 16);
  entries.resize(api::list_memory(nullptr, entries.data(), entries.size()));
  std::int64_t total = 0;
  for (const api::ServiceMemory& entry : entries) {
    total += entry.bytes;
    std::printf(":%08x -> %lldkB\n", entry.service, static_cast<long long>(entry.bytes >> 10));
  }
  std::printf("+total: %lldkB\n", static_cast<long long>(total >> 10));
  std::fflush(stdout);
}

}  // extern "C"
