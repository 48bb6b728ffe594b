// The packing that leaves zero bytes out. Each 8 bytes (the last ones filled up with zeros) become a tag byte, whose bit i
// says that byte i is not zero, and those bytes. A tag of ff begins a run: a byte with the number of segments less 1,
// then the segments as they are, up to 256 of them. A run begins with a segment that has no zero byte, and goes on over
// such with one or two.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace runtime::sproto {

// pack() writes no more than this for `size` bytes.
std::size_t max_packed(std::size_t size) noexcept;

// Packs `bytes` to `out`, which has room for max_packed(bytes.size()); returns the number of bytes written.
std::size_t zero_pack(std::string_view bytes, char* out) noexcept;

// How many bytes `packed` unpacks to, a multiple of 8; nothing when it is cut short.
std::optional<std::size_t> unpacked_size(std::string_view packed) noexcept;

// Unpacks what unpacked_size() has found whole to `out`, which has room for that many bytes.
void zero_unpack(std::string_view packed, char* out) noexcept;

}  // namespace runtime::sproto
