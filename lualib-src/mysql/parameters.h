// The values that a prepared statement is executed with, as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::mysql {

// The types of parameters, as the packet has them.
inline constexpr std::uint16_t kNullParameter = 6;
inline constexpr std::uint16_t kBoolParameter = 1;
inline constexpr std::uint16_t kIntegerParameter = 8;
inline constexpr std::uint16_t kDoubleParameter = 5;
inline constexpr std::uint16_t kTextParameter = 15;

// Room for what stands before the bytes of a text.
inline constexpr std::size_t kMaxLengthBytes = 9;

// Writes `size` lowest bytes of `number`, the lowest first.
inline void write_number(std::uint64_t number, std::size_t size, char* out) {
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(number >> 8 * i);
}

// Writes the length of a text; returns how many bytes that took.
inline std::size_t write_length(std::uint64_t length, char* out) {
  if (length < 251) {
    write_number(length, 1, out);
    return 1;
  }
  const std::size_t size = length <= 0xffff ? 2 : length <= 0xffffff ? 3 : 8;
  *out = static_cast<char>(size == 2 ? 0xfc : size == 3 ? 0xfd : 0xfe);
  write_number(length, size, out + 1);
  return size + 1;
}

}  // namespace runtime::mysql
