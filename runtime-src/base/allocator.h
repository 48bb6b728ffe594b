// What the process's allocator tells about itself. Without jemalloc there is little to tell: zeros.
//
// Threads: any. A reading refreshes jemalloc's statistics, which takes microseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace runtime {

// Whether jemalloc is built in; if not, the functions below give 0, false, or an estimate.
bool has_allocator_statistics();

std::size_t allocated_bytes();   // in blocks in use
std::size_t allocated_blocks();  // blocks in use; those in a thread's own cache count as such

// A number or a boolean of jemalloc, by its mallctl() name; nothing if there is none of that name.
std::optional<std::uint64_t> allocator_value(const char* name);

// Sets a value of jemalloc of `size` bytes, or runs a command (`size` 0); 0, or an error number.
int set_allocator_value(const char* name, void* value, std::size_t size);

// Prints jemalloc's report on stderr. `options` are those of malloc_stats_print(); null for all.
void print_allocator_report(const char* options);

// From here on a thread of the allocator gives freed pages back to the system after some seconds,
// and sleeps when there are none. Otherwise that is done in passing, when more is allocated: a node
// that has become idle would keep them. After the last fork() of a process that goes on in the
// child.
void purge_in_background();

// Heap profiling, for a jemalloc that was built with it. False if it was not, or if it failed.
bool set_heap_profiling(bool on);
bool heap_profiling();
bool dump_heap_profile();  // to a file that jemalloc names

}  // namespace runtime
