// BSON as Lua values.
#pragma once

#include "bson/reader.h"
#include "bson_keys.h"

namespace runtime::RUNTIME_ENGINE {

constexpr int kMaxDecodeDepth = 256;  // documents in each other

// The keys that were decoded lately, so that a key is not made into a Lua string again and again. The
// strings are upvalues of the function (bson_keys.h).
struct DecodedKeys {
  static constexpr std::size_t kLongest = 16;
  // All bytes of a key, in two words that may overlap, and their number.
  struct Key {
    std::uint64_t first;
    std::uint64_t last;
    std::uint64_t size;
  };
  Key keys[kKeySlots];
};

// Pushes the document at the start of `bytes` as a table; raises for a malformed one. Only in
// functions that push_bson_function<DecodedKeys>() has made.
void push_decoded(lua_State* L, std::string_view bytes);

[[noreturn]] void raise_bson_error(lua_State* L, const bson::Error& error);

}  // namespace runtime::RUNTIME_ENGINE
