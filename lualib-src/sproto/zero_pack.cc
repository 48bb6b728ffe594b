#include "sproto/zero_pack.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace runtime::sproto {

namespace {

constexpr std::size_t kSegment = 8;
constexpr unsigned kRunTag = 0xff;
constexpr std::size_t kMaxRun = 256;
constexpr int kRunGoesOn = 6;  // bytes that are not zero

std::size_t segments(std::size_t size) { return (size + kSegment - 1) / kSegment; }

// The segment at the front of `bytes`, filled up with zeros.
std::uint64_t segment(std::string_view bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), kSegment));
  return value;
}

// Bit i says that byte i of `value` is not zero.
unsigned tag_of(std::uint64_t value) {
  constexpr std::uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
  // The highest bit of each byte: set where the byte is not zero.
  const std::uint64_t high = (((value & kLow) + kLow) | value) & ~kLow;
  // Each of those bits to its place in the highest byte.
  return static_cast<unsigned>((high >> 7) * 0x0102040810204080 >> 56);
}

void drop_segment(std::string_view& bytes) {
  bytes.remove_prefix(std::min(bytes.size(), kSegment));
}

// Writes a run from the front of `bytes`, and drops what it has written.
char* write_run(std::string_view& bytes, char* out) {
  char* count = out + 1;
  *out = static_cast<char>(kRunTag);
  out += 2;
  std::size_t length = 0;
  do {
    const std::uint64_t value = segment(bytes);
    std::memcpy(out, &value, kSegment);
    out += kSegment;
    drop_segment(bytes);
    ++length;
  } while (length < kMaxRun && !bytes.empty() &&
           std::popcount(tag_of(segment(bytes))) >= kRunGoesOn);
  *count = static_cast<char>(length - 1);
  return out;
}

}  // namespace

std::size_t max_packed(std::size_t size) noexcept {
  // A segment takes a tag and its bytes; the first one of a run two bytes more than its own.
  return segments(size) * (kSegment + 2);
}

std::size_t zero_pack(std::string_view bytes, char* const out) noexcept {
  char* at = out;
  while (!bytes.empty()) {
    const std::uint64_t value = segment(bytes);
    const unsigned tag = tag_of(value);
    if (tag == kRunTag) {
      at = write_run(bytes, at);
      continue;
    }
    *at++ = static_cast<char>(tag);
    for (std::size_t i = 0; i < kSegment; ++i) {
      *at = static_cast<char>(value >> (8 * i));
      at += tag >> i & 1;
    }
    drop_segment(bytes);
  }
  return static_cast<std::size_t>(at - out);
}

std::optional<std::size_t> unpacked_size(std::string_view packed) noexcept {
  std::size_t size = 0;
  while (!packed.empty()) {
    const auto tag = static_cast<std::uint8_t>(packed[0]);
    std::size_t taken, given;
    if (tag == kRunTag) {
      if (packed.size() < 2) return std::nullopt;
      given = (static_cast<std::uint8_t>(packed[1]) + std::size_t{1}) * kSegment;
      taken = 2 + given;
    } else {
      given = kSegment;
      taken = 1 + static_cast<std::size_t>(std::popcount(tag));
    }
    if (packed.size() < taken) return std::nullopt;
    packed.remove_prefix(taken);
    size += given;
  }
  return size;
}

void zero_unpack(std::string_view packed, char* out) noexcept {
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at != end) {
    const auto tag = static_cast<std::uint8_t>(*at++);
    if (tag == kRunTag) {
      const std::size_t size = (static_cast<std::uint8_t>(*at++) + std::size_t{1}) * kSegment;
      std::memcpy(out, at, size);
      at += size;
      out += size;
      continue;
    }
    for (std::size_t i = 0; i < kSegment; ++i) *out++ = (tag >> i & 1) != 0 ? *at++ : '\0';
  }
}

}  // namespace runtime::sproto
