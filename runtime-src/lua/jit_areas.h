// Where the machine code of LuaJIT lies.
//
// It has to be within a GB of LuaJIT itself. LuaJIT tries addresses at random until one is free, and what it draws them with
// is part of the state: the copies of one state (state_image.h) all try the same ones, so that the thousandth which compiles
// had tried a thousand. It takes multiples of 64 KB besides, and writes an area from its end: the pages on which the code of
// hundreds of states lies then have few of the places that a processor looks for them in. So LuaJIT's copy (see the
// Makefile) asks here. Areas lie one below the other, below the executable, at distances of an odd number of pages.
//
// On x86-64 alone; elsewhere LuaJIT goes on to try.
//
// Threads: any.
#pragma once

#include <sys/types.h>

#include <cstddef>

extern "C" {

// For LuaJIT: mmap(2) and munmap(2). What is wanted close to the executable is an area of machine code: it comes from where
// it is said above, if there is room, and else from where it is wanted.
void* runtime_jit_map(void* wanted, std::size_t size, int protection, int flags, int fd,
                      off_t offset);
int runtime_jit_unmap(void* begin, std::size_t size);

}  // extern "C"

namespace runtime {

// How many areas there are at present.
std::size_t jit_areas();

}  // namespace runtime
