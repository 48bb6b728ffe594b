// BSON as Lua values.
#pragma once

#include "bson/reader.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kMaxDecodeDepth = 256;  // documents in each other

// The keys that were met lately, so that a key is not made into a Lua string again and again. The
// strings are held by a table, the second upvalue of the functions that decode; the KeyCache, a
// userdata, is their third.
struct KeyCache {
  static constexpr unsigned kSlots = 256;
  static constexpr std::size_t kLongest = 32;
  struct Key {
    const char* text;
    std::size_t size;
  };
  Key keys[kSlots];
};

// Pushes table and cache.
void push_key_cache(lua_State* L);

// Pushes the document at the start of `bytes` as a table; raises for a malformed one. Only in
// functions with the upvalues above.
void push_decoded(lua_State* L, std::string_view bytes);

[[noreturn]] void raise_bson_error(lua_State* L, const bson::Error& error);

}  // namespace runtime::RUNTIME_ENGINE
