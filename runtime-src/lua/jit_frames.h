// How the unwinder finds its way through the machine code of LuaJIT.
//
// LuaJIT raises errors through the system's unwinder, and tells it of each area of machine code
// that it makes: one or more for each state that has compiled something. libgcc keeps these in a
// list, which it goes through, under a lock of the whole process, for each frame of each error:
// with thousands of such states an error costs milliseconds. So LuaJIT's copy (see the Makefile) is
// told to register its areas here instead, and this executable's _Unwind_Find_FDE, which libgcc
// calls before its own, finds them in a map.
//
// Threads: any.
#pragma once

#include <cstddef>

extern "C" {

// For LuaJIT: the unwind information of one area, as __register_frame() takes it. It stays until it
// is deregistered.
void runtime_register_frame(const void* info);
void runtime_deregister_frame(const void* info);

// Whether `pc`, an address in a frame, is in such an area.
bool runtime_is_machine_code(const void* pc);

// libgcc's structure of the same name.
struct dwarf_eh_bases {
  void* text;
  void* data;
  void* function;
};

// The description of the frame that runs at `pc`, or null. libgcc must see it.
__attribute__((visibility("default"))) const void* _Unwind_Find_FDE(void* pc,
                                                                    dwarf_eh_bases* bases);

}  // extern "C"
