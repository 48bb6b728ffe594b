// OP_COMPRESSED of MongoDB's wire protocol: another message, compressed.
//
//   header   int32 length of it all | int32 request id | int32 response-to | int32 2012
//   body     int32 opcode of the message | int32 its size without its header | byte compressor | bytes
//
// All numbers are little endian. The other message's header has the same ids, so only its opcode is kept.
//
// A peer says how large its message becomes before it is inflated. That is not believed: what no message may have,
// and what so few bytes can never become, is refused before anybody takes memory for it, and the bytes must give
// exactly the announced size.
//
// Threads:   any.
// Ownership: none; a Compressed points into the bytes that it was made from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace runtime::mongo {

constexpr std::int32_t kOpCompressed = 2012;
// Of the header of any message, without its length; and of what precedes the compressed bytes.
constexpr std::size_t kRestHeadBytes = 12;
constexpr std::size_t kCompressedHeadBytes = kRestHeadBytes + 9;

// The numbers of the protocol. `noop` is a message as it is.
enum class Compressor : std::uint8_t { noop = 0, snappy = 1, zlib = 2, zstd = 3 };

// By its name in `hello`: "snappy", "zlib", "zstd". Nothing for another name, `noop` among them.
std::optional<Compressor> compressor_named(std::string_view name) noexcept;

enum class CompressionRefusal : std::uint8_t {
  none,
  head,        // shorter than what precedes the compressed bytes
  nested,      // a compressed message inside of a compressed one
  compressor,  // an unknown one
  size,        // negative, or more than any message may have
  ratio,       // more than so few bytes can give
  mismatch,    // the bytes themselves tell another size
  damaged,     // they cannot be inflated, or not to what was announced
};
// "a compressed message ..."
const char* describe(CompressionRefusal refusal) noexcept;

struct Compressed {
  CompressionRefusal refusal = CompressionRefusal::none;
  std::int32_t opcode = 0;  // of the message inside
  Compressor compressor = Compressor::noop;
  std::size_t size = 0;  // of the message inside, without its header
  std::string_view bytes;
};

bool is_compressed(std::string_view rest) noexcept;

// `rest` is what follows the length of a message with opcode 2012. `most` bounds the size of what is inside.
Compressed parse_compressed(std::string_view rest, std::size_t most) noexcept;

// Writes compressed.size bytes to `out`. For a Compressed without a refusal.
CompressionRefusal inflate(const Compressed& compressed, char* out) noexcept;

// The most bytes that `size` bytes become.
std::size_t compressed_bound(Compressor compressor, std::size_t size) noexcept;

// Compresses `body` to `out`, which has compressed_bound() bytes. The level is zlib's, -1 for its default; the others
// have none here. → the bytes written, 0 when it cannot be done: memory ran out
std::size_t deflate(Compressor compressor, std::string_view body, int level, char* out) noexcept;

// Writes what precedes the compressed bytes, from the length on, to `out`, which has kLengthBytes more than
// kCompressedHeadBytes.
void write_compressed_head(char* out, std::int32_t id, std::int32_t response_to,
                           const Compressed& head) noexcept;

}  // namespace runtime::mongo
