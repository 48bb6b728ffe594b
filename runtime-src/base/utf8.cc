#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace runtime {

namespace {

// How many bytes of the text are ASCII, from its start on, in steps of eight.
std::size_t ascii_prefix(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & kHighBits) != 0) break;
  }
  return i;
}

struct Lead {
  std::size_t more;  // bytes that follow
  // The range of the first of them; it excludes long forms, surrogates, too high ones.
  unsigned char low, high;
};

// What may follow a first byte above 0x7f; more is 0 for one that cannot be first.
Lead lead(unsigned char c) {
  if (c >= 0xc2 && c <= 0xdf) return {1, 0x80, 0xbf};
  if (c == 0xe0) return {2, 0xa0, 0xbf};
  if (c == 0xed) return {2, 0x80, 0x9f};
  if (c >= 0xe1 && c <= 0xef) return {2, 0x80, 0xbf};
  if (c == 0xf0) return {3, 0x90, 0xbf};
  if (c >= 0xf1 && c <= 0xf3) return {3, 0x80, 0xbf};
  if (c == 0xf4) return {3, 0x80, 0x8f};
  return {0, 0, 0};
}

}  // namespace

bool is_utf8(std::string_view text) { return utf8_prefix(text).size == text.size(); }

Utf8Prefix utf8_prefix(std::string_view text) {
  const std::size_t all = text.size();
  while (!text.empty()) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) break;
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const Lead expected = lead(first);
    if (expected.more == 0) return {all - text.size(), false};
    for (std::size_t i = 1; i <= expected.more; ++i) {
      if (i == text.size()) return {all - text.size(), true};
      const auto next = static_cast<unsigned char>(text[i]);
      const unsigned char low = i == 1 ? expected.low : 0x80;
      const unsigned char high = i == 1 ? expected.high : 0xbf;
      if (next < low || next > high) return {all - text.size(), false};
    }
    text.remove_prefix(1 + expected.more);
  }
  return {all, true};
}

}  // namespace runtime
