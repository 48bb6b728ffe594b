#include "mongo/compression.h"

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace runtime::mongo {

namespace {

constexpr int kZstdLevel = 3;

// The most bytes that one compressed byte becomes, by the formats: deflate gives 258 bytes for 2 bits; a copy of
// snappy, 3 bytes long, gives 64; zstd's shortest block is 4 bytes and gives 128 KiB.
constexpr std::size_t kZlibRatio = 1032;
constexpr std::size_t kSnappyRatio = 64;
constexpr std::size_t kZstdRatio = (std::size_t{128} << 10) / 4;

std::int32_t number_at(std::string_view bytes, std::size_t at) {
  std::int32_t number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::size_t ratio_of(Compressor compressor) {
  switch (compressor) {
    case Compressor::noop: return 1;
    case Compressor::snappy: return kSnappyRatio;
    case Compressor::zlib: return kZlibRatio;
    case Compressor::zstd: return kZstdRatio;
  }
  return 0;
}

// Whether the bytes themselves tell another size than `size`. zlib's never tell one, zstd's may not.
bool tells_another_size(Compressor compressor, std::string_view bytes, std::size_t size) {
  if (compressor == Compressor::noop) return bytes.size() != size;
  if (compressor == Compressor::snappy) {
    std::size_t told = 0;
    return snappy_uncompressed_length(bytes.data(), bytes.size(), &told) != SNAPPY_OK ||
           told != size;
  }
  if (compressor == Compressor::zstd) {
    // The size of the first frame. Others may follow.
    const unsigned long long told = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    if (told == ZSTD_CONTENTSIZE_UNKNOWN) return false;
    return told == ZSTD_CONTENTSIZE_ERROR || told > size;
  }
  return false;
}

bool inflate_zlib(std::string_view bytes, char* out, std::size_t size) {
  // zlib writes nothing to a null pointer, even with no room.
  uLongf written = size;
  uLong taken = bytes.size();
  const int result = uncompress2(reinterpret_cast<Bytef*>(out), &written,
                                 reinterpret_cast<const Bytef*>(bytes.data()), &taken);
  return result == Z_OK && written == size && taken == bytes.size();
}

bool inflate_snappy(std::string_view bytes, char* out, std::size_t size) {
  std::size_t written = size;
  return snappy_uncompress(bytes.data(), bytes.size(), out, &written) == SNAPPY_OK &&
         written == size;
}

}  // namespace

std::optional<Compressor> compressor_named(std::string_view name) noexcept {
  if (name == "snappy") return Compressor::snappy;
  if (name == "zlib") return Compressor::zlib;
  if (name == "zstd") return Compressor::zstd;
  return std::nullopt;
}

const char* describe(CompressionRefusal refusal) noexcept {
  switch (refusal) {
    case CompressionRefusal::none: return "none";
    case CompressionRefusal::head: return "a compressed message shorter than its header";
    case CompressionRefusal::nested: return "a compressed message in a compressed message";
    case CompressionRefusal::compressor: return "a compressed message with an unknown compressor";
    case CompressionRefusal::size: return "a compressed message with an impossible size";
    case CompressionRefusal::ratio:
      return "a compressed message that announces more than its bytes can give";
    case CompressionRefusal::mismatch:
      return "a compressed message that announces another size than its bytes";
    case CompressionRefusal::damaged: return "a compressed message that is damaged";
  }
  return "unknown";
}

bool is_compressed(std::string_view rest) noexcept {
  return rest.size() >= kRestHeadBytes && number_at(rest, 8) == kOpCompressed;
}

Compressed parse_compressed(std::string_view rest, std::size_t most) noexcept {
  Compressed found;
  const auto refuse = [&found](CompressionRefusal refusal) {
    found.refusal = refusal;
    return found;
  };
  if (rest.size() < kCompressedHeadBytes) return refuse(CompressionRefusal::head);
  found.opcode = number_at(rest, kRestHeadBytes);
  if (found.opcode == kOpCompressed) return refuse(CompressionRefusal::nested);
  const auto compressor = static_cast<unsigned char>(rest[kCompressedHeadBytes - 1]);
  if (compressor > static_cast<unsigned char>(Compressor::zstd)) {
    return refuse(CompressionRefusal::compressor);
  }
  found.compressor = static_cast<Compressor>(compressor);
  const std::int32_t size = number_at(rest, kRestHeadBytes + 4);
  if (size < 0 || static_cast<std::size_t>(size) > most) return refuse(CompressionRefusal::size);
  const std::string_view bytes = rest.substr(kCompressedHeadBytes);
  const auto inside = static_cast<std::size_t>(size);
  if (inside / ratio_of(found.compressor) > bytes.size()) return refuse(CompressionRefusal::ratio);
  if (tells_another_size(found.compressor, bytes, inside)) {
    return refuse(CompressionRefusal::mismatch);
  }
  found.size = inside;
  found.bytes = bytes;
  return found;
}

CompressionRefusal inflate(const Compressed& compressed, char* out) noexcept {
  const std::string_view bytes = compressed.bytes;
  bool whole = false;
  switch (compressed.compressor) {
    case Compressor::noop:
      std::copy(bytes.begin(), bytes.end(), out);
      whole = true;
      break;
    case Compressor::snappy: whole = inflate_snappy(bytes, out, compressed.size); break;
    case Compressor::zlib: whole = inflate_zlib(bytes, out, compressed.size); break;
    case Compressor::zstd:
      // An error is a number larger than any size.
      whole = ZSTD_decompress(out, compressed.size, bytes.data(), bytes.size()) == compressed.size;
      break;
  }
  return whole ? CompressionRefusal::none : CompressionRefusal::damaged;
}

std::size_t compressed_bound(Compressor compressor, std::size_t size) noexcept {
  switch (compressor) {
    case Compressor::noop: return size;
    case Compressor::snappy: return snappy_max_compressed_length(size);
    case Compressor::zlib: return compressBound(size);
    case Compressor::zstd: return ZSTD_compressBound(size);
  }
  return 0;
}

std::size_t deflate(Compressor compressor, std::string_view body, int level, char* out) noexcept {
  const std::size_t room = compressed_bound(compressor, body.size());
  switch (compressor) {
    case Compressor::noop: std::copy(body.begin(), body.end(), out); return body.size();
    case Compressor::snappy: {
      std::size_t written = room;
      const bool done = snappy_compress(body.data(), body.size(), out, &written) == SNAPPY_OK;
      return done ? written : 0;
    }
    case Compressor::zlib: {
      uLongf written = room;
      const int result = compress2(reinterpret_cast<Bytef*>(out), &written,
                                   reinterpret_cast<const Bytef*>(body.data()), body.size(), level);
      return result == Z_OK ? written : 0;
    }
    case Compressor::zstd: {
      const std::size_t written = ZSTD_compress(out, room, body.data(), body.size(), kZstdLevel);
      return ZSTD_isError(written) ? 0 : written;
    }
  }
  return 0;
}

void write_compressed_head(char* out, std::int32_t id, std::int32_t response_to,
                           const Compressed& head) noexcept {
  const std::size_t whole = 4 + kCompressedHeadBytes + head.bytes.size();
  const std::int32_t words[] = {
      static_cast<std::int32_t>(whole),    id, response_to, kOpCompressed, head.opcode,
      static_cast<std::int32_t>(head.size)};
  std::memcpy(out, words, sizeof words);
  out[sizeof words] = static_cast<char>(head.compressor);
}

}  // namespace runtime::mongo
