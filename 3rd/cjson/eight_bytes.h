// Eight bytes at a time: whether one of them has a certain value.
#pragma once

#include <cstdint>

namespace runtime::json {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

// Nonzero when one of the eight bytes is zero.
constexpr std::uint64_t zero_byte(std::uint64_t block) { return (block - kOnes) & ~block & kHighs; }

}  // namespace runtime::json
