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

// Sets the part aside, and makes C++ use it; a process that ends because there is no more says so.
// Without this call there is none, as in tests.
void keep_memory_reserve();

// True if there was one. It makes itself again when a Lua heap grows and there is room for both.
bool give_up_memory_reserve();

// Says so, and ends the process.
[[noreturn]] void end_without_memory();

// What `allocate` returns, at the second attempt without the reserve. The process ends if that is
// null as well: for what nobody can refuse.
template <class Allocate>
auto* needed(Allocate allocate) {
  auto* block = allocate();
  if (block != nullptr) [[likely]]
    return block;
  if (give_up_memory_reserve()) block = allocate();
  if (block == nullptr) end_without_memory();
  return block;
}

// malloc() and realloc() for Lua heaps. Null also while the reserve is used up.
void* heap_malloc(std::size_t size);
void* heap_realloc(void* block, std::size_t size);

}  // namespace runtime
