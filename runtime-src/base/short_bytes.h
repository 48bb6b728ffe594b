// Work on a few bytes, the length of a usual key or word, without a call: by two loads that may overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace runtime {

template <class Word>
inline Word load_word(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Less than 8 bytes as a word whose other bytes are 0; the first byte is the lowest.
[[gnu::always_inline]] inline std::uint64_t load_few(const char* from, std::size_t count) {
  if (count >= 4) {
    return load_word<std::uint32_t>(from) |
           std::uint64_t{load_word<std::uint32_t>(from + count - 4)} << 8 * (count - 4);
  }
  if (count == 0) return 0;
  const auto byte = [&](std::size_t at) {
    return std::uint64_t{static_cast<unsigned char>(from[at])} << 8 * at;
  };
  return byte(0) | byte(count / 2) | byte(count - 1);
}

// memcpy().
[[gnu::always_inline]] inline void copy_short(char* to, const char* from, std::size_t count) {
  if (count - 8 <= 8) {
    const auto first = load_word<std::uint64_t>(from);
    const auto last = load_word<std::uint64_t>(from + count - 8);
    std::memcpy(to, &first, 8);
    std::memcpy(to + count - 8, &last, 8);
  } else if (count - 4 < 4) {
    const auto first = load_word<std::uint32_t>(from);
    const auto last = load_word<std::uint32_t>(from + count - 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + count - 4, &last, 4);
  } else if (count < 4) {
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
  } else {
    std::memcpy(to, from, count);
  }
}

// memcmp() == 0.
inline bool same_short(const char* a, const char* b, std::size_t count) {
  if (count - 8 <= 8) {
    return load_word<std::uint64_t>(a) == load_word<std::uint64_t>(b) &&
           load_word<std::uint64_t>(a + count - 8) == load_word<std::uint64_t>(b + count - 8);
  }
  if (count - 4 < 4) {
    return load_word<std::uint32_t>(a) == load_word<std::uint32_t>(b) &&
           load_word<std::uint32_t>(a + count - 4) == load_word<std::uint32_t>(b + count - 4);
  }
  if (count < 4) {
    for (std::size_t i = 0; i < count; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
  return std::memcmp(a, b, count) == 0;
}

enum class Zero { allowed, refused };

// Whether all bytes are ASCII; with Zero::refused, and none of them is 0.
template <Zero zero>
inline bool is_ascii(std::string_view text) {
  // Subtracting 1 from each byte sets the high bit of one that is 0, if none had it before.
  const auto odd = [](auto word) {
    using Word = decltype(word);
    constexpr Word kOnes = static_cast<Word>(~Word{0}) / 0xff;
    const Word low = zero == Zero::refused ? static_cast<Word>(word - kOnes) : Word{0};
    return static_cast<Word>((low | word) & (kOnes * 0x80));
  };
  const char* const at = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if (odd(load_word<std::uint64_t>(at + i)) != 0) return false;
    }
    return odd(load_word<std::uint64_t>(at + size - 8)) == 0;
  }
  if (size >= 4) {
    return (odd(load_word<std::uint32_t>(at)) | odd(load_word<std::uint32_t>(at + size - 4))) == 0;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (static_cast<unsigned char>(at[i]) >= 0x80 || (zero == Zero::refused && at[i] == 0))
      return false;
  }
  return true;
}

}  // namespace runtime
