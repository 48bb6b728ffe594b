// A rest of the process's address space for what must not fail when memory runs out (ulimit -v).
//
// Lua heaps take nearly all the memory that a node has, and can tell their program when there is no
// more. What C++ and jemalloc need for themselves cannot. So a part is set aside; when the first
// allocation of a Lua heap fails it is given up, for all the others, and Lua heaps grow again once
// it is there again, or as much is free.
//
// Threads: any.
#pragma once

#include <cstddef>

namespace runtime {

// Sets the part aside, and makes C++ use it. Without this call there is none, as in tests.
void keep_memory_reserve();

// malloc() and realloc() for Lua heaps. Null also while the reserve is used up.
void* heap_malloc(std::size_t size);
void* heap_realloc(void* block, std::size_t size);

// Makes jemalloc set up what it keeps for this thread, which it cannot do without memory.
void prepare_thread_for_malloc();

}  // namespace runtime
