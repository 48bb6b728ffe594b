// Lua values as bytes: the payload of messages between Lua services, on this node and on others.
//
// Threads: any; one call at a time per lua_State. Packing fills a buffer that belongs to the
//          thread.
// Order:   values come out in the order in which they went in; a table's pairs in traversal order.
// Format:  seri_format.h.
#pragma once

#include <cstddef>

#include "base/memory_ledger.h"
#include "lua/engine.h"
#include "lua/raw_stack.h"

namespace runtime::RUNTIME_ENGINE {

class KnownStrings;

// Bytes from malloc; whoever holds it frees `data`. It is given away already (memory_ledger.h): whoever keeps it takes
// it (take_bytes). No values are no bytes: {nullptr, 0}.
struct Packed {
  void* data;
  std::size_t size;
};

// Packs the values at `from` and above; the stack stays as it is. Raises, and leaks nothing, on a
// value that cannot travel, on nesting beyond 32 levels, and on what a `__pairs` raises. Runs Lua
// code only where a table has `__pairs`.
Packed pack(lua_State* L, int from);
// The same for whoever has looked for the values of the running function already.
Packed pack(lua_State* L, RawValues values, int from);

// Pushes the bytes of the same values as a string.
void push_packed(lua_State* L, int from);

// Why bytes cannot be unpacked.
struct UnpackError {
  std::size_t left;    // how many bytes there were from the value that is wrong to the end
  const char* reason;  // static text
};

// Pushes the values in `data` and gives their number. For bytes that are no values it pushes
// nothing, fills `error` and gives -1. Input may be hostile: memory stays in proportion to `size`,
// nesting is bounded. Raises only when memory runs out. The stack has room for 4 values already;
// more is made. With `strings` short ones outside of tables come from there.
int unpack(lua_State* L, const void* data, std::size_t size, UnpackError* error,
           KnownStrings* strings = nullptr);

// Pushes the text for `error`: "Invalid serialize stream LEFT (REASON)".
void push_unpack_error(lua_State* L, const UnpackError& error);

// unpack() that raises.
int unpack_or_raise(lua_State* L, const void* data, std::size_t size);

// What l_pack() has made last on this thread, with its block_bytes(): most programs send it at once, and it need not be
// looked up again.
struct LastPacked {
  const void* data = nullptr;
  std::size_t bytes = 0;
};
inline constinit thread_local LastPacked last_packed{};
// block_bytes(), for a block that is sent.
inline std::size_t packed_bytes(const void* data) {
  if (last_packed.data != data) return block_bytes(data);
  last_packed.data = nullptr;
  return data == nullptr ? 0 : last_packed.bytes;
}

// Functions for Lua.
int l_pack(lua_State* L);        // message, size = pack(...)          the caller owns message
int l_packstring(lua_State* L);  // bytes = packstring(...)
int l_unpack(lua_State* L);      // ... = unpack(message, size) | unpack(bytes) | unpack(nil)
int l_tostring(lua_State* L);    // bytes = tostring(message, size)    nothing for nil
int l_trash(lua_State* L);       // trash(message, size) | trash(bytes)    frees message

}  // namespace runtime::RUNTIME_ENGINE
