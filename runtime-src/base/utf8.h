// UTF-8, as RFC 3629 has it.
#pragma once

#include <cstddef>
#include <string_view>

namespace runtime {

// Whether the text is whole, shortest-form UTF-8 without surrogates.
bool is_utf8(std::string_view text);

// For a text that comes in pieces.
struct Utf8Prefix {
  std::size_t size;   // bytes of whole characters at its start
  bool may_continue;  // the rest is nothing, or the beginning of a character
};
Utf8Prefix utf8_prefix(std::string_view text);

}  // namespace runtime
