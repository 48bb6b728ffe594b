#include "base/allocator.h"

#ifdef RUNTIME_JEMALLOC
#include <jemalloc/jemalloc.h>

#include <cstdio>
#else
#include <cerrno>
#include <cstddef>

// From the sanitizers' runtime; the header that declares it comes with clang alone.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace runtime {

#ifdef RUNTIME_JEMALLOC

namespace {

// Reads a value of unknown width: jemalloc takes only the exact one.
template <class Number>
bool read(const char* name, std::uint64_t* value) {
  Number number{};
  std::size_t size = sizeof number;
  if (mallctl(name, &number, &size, nullptr, 0) != 0 || size != sizeof number) return false;
  *value = static_cast<std::uint64_t>(number);
  return true;
}

std::uint64_t value_or_zero(const char* name) { return allocator_value(name).value_or(0); }

}  // namespace

bool has_allocator_statistics() { return true; }

std::optional<std::uint64_t> allocator_value(const char* name) {
  std::uint64_t epoch = 1;
  mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch);
  std::uint64_t value;
  if (read<std::uint64_t>(name, &value) || read<std::uint32_t>(name, &value) ||
      read<bool>(name, &value)) {
    return value;
  }
  return std::nullopt;
}

int set_allocator_value(const char* name, void* value, std::size_t size) {
  return mallctl(name, nullptr, nullptr, value, size);
}

std::size_t allocated_bytes() { return value_or_zero("stats.allocated"); }

std::size_t allocated_blocks() {
  // 4096 is MALLCTL_ARENAS_ALL: the sum of all arenas.
  static_assert(MALLCTL_ARENAS_ALL == 4096);
  const auto live = [](const char* made, const char* freed) {
    return value_or_zero(made) - value_or_zero(freed);
  };
  return live("stats.arenas.4096.small.nmalloc", "stats.arenas.4096.small.ndalloc") +
         live("stats.arenas.4096.large.nmalloc", "stats.arenas.4096.large.ndalloc");
}

void print_allocator_report(const char* options) {
  malloc_stats_print([](void*, const char* text) { std::fputs(text, stderr); }, nullptr, options);
}

void purge_in_background() {
  bool on = true;
  mallctl("background_thread", nullptr, nullptr, &on, sizeof on);
}

bool set_heap_profiling(bool on) {
  return mallctl("prof.active", nullptr, nullptr, &on, sizeof on) == 0;
}

bool heap_profiling() { return value_or_zero("prof.active") != 0; }

bool dump_heap_profile() { return mallctl("prof.dump", nullptr, nullptr, nullptr, 0) == 0; }

#else

namespace {
constexpr std::size_t kTypicalBlock = 64;
}

// The sanitizers' allocators know one figure.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
std::size_t allocated_bytes() { return __sanitizer_get_current_allocated_bytes(); }
#else
std::size_t allocated_bytes() { return 0; }
#endif
std::size_t allocated_blocks() { return allocated_bytes() / kTypicalBlock; }

bool has_allocator_statistics() { return false; }
std::optional<std::uint64_t> allocator_value(const char*) { return std::nullopt; }
int set_allocator_value(const char*, void*, std::size_t) { return ENOENT; }
void print_allocator_report(const char*) {}
void purge_in_background() {}
bool set_heap_profiling(bool) { return false; }
bool heap_profiling() { return false; }
bool dump_heap_profile() { return false; }

#endif

}  // namespace runtime
