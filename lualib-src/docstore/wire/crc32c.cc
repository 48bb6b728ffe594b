#include "docstore/wire/crc32c.h"

#include <array>

namespace runtime::docstore {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;  // bits reversed
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? kPolynomial : 0);
    table[i] = rest;
  }
  return table;
}

constexpr auto kTable = make_table();

}  // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t sum = 0xffffffff;
  for (const char byte : bytes)
    sum = (sum >> 8) ^ kTable[(sum ^ static_cast<std::uint8_t>(byte)) & 0xff];
  return sum ^ 0xffffffff;
}

}  // namespace runtime::docstore
