// Short strings that messages bring again and again, names of commands above all: found by their bytes, without a call
// into the engine, which would hash them and go through a chain of its table of all strings.
//
// Threads:   the worker that runs the state.
// Ownership: the state's registry has a table with the strings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/short_bytes.h"
#include "lua/raw_stack.h"

namespace runtime::RUNTIME_ENGINE {

class KnownStrings {
 public:
  static constexpr std::size_t kMostBytes = 31;

  // Pushes the string of `size` bytes, at most kMostBytes, for which there is room. May raise (memory), and run finalizers.
  void push(lua_State* L, const char* text, std::size_t size) {
    const std::size_t slot = slot_of(text, size);
    if (const RawString* const string = find(text, size, slot)) [[likely]]
      return push_value(L, RawValue::of_string(string));
    push_unknown(L, text, size, slot);
  }

  // The string of `size` bytes, at most kMostBytes, if it is known; else null.
  const RawString* find(const char* text, std::size_t size) const {
    return find(text, size, slot_of(text, size));
  }

 private:
  static constexpr int kSlotBits = 5;
  // So many other strings must have been met in a slot before the next one takes it: where they vary it stays as it is.
  static constexpr std::uint8_t kPatience = 8;

  // Any spread will do; the constant is that of Fibonacci hashing.
  static std::size_t slot_of(const char* text, std::size_t size) {
    std::uint32_t first = 0, last = 0;
    if (size >= 4) {
      first = load_word<std::uint32_t>(text);
      last = load_word<std::uint32_t>(text + size - 4);
    } else if (size > 0) {
      first = static_cast<unsigned char>(text[0]);
      last = static_cast<unsigned char>(text[size - 1]);
    }
    return (first + last * 31 + static_cast<std::uint32_t>(size)) * 2654435769u >> (32 - kSlotBits);
  }
  const RawString* find(const char* text, std::size_t size, std::size_t slot) const {
    const RawString* const string = strings_[slot];
    return string != nullptr && string->short_size() == size &&
                   same_short(reinterpret_cast<const char*>(string + 1), text, size)
               ? string
               : nullptr;
  }
  void push_unknown(lua_State* L, const char* text, std::size_t size, std::size_t slot);

  std::array<const RawString*, 1 << kSlotBits> strings_{};  // null: none
  std::array<std::uint8_t, 1 << kSlotBits> missed_{};
  int anchors_ = LUA_NOREF;  // of the table: the string of slot n is at n + 1
};

}  // namespace runtime::RUNTIME_ENGINE
