#include "base/websocket_frame.h"

#include <cstring>

#include "base/utf8.h"

namespace runtime::websocket {

namespace {

// The values of the 7-bit length that say that the real one follows.
constexpr unsigned kLength16 = 126;
constexpr unsigned kLength64 = 127;

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

void write_big_endian(std::uint64_t number, std::size_t size, char* out) {
  for (std::size_t i = size; i-- > 0; number >>= 8) out[i] = static_cast<char>(number);
}

}  // namespace

MaskingKey MaskingKey::from(std::uint32_t number) {
  MaskingKey key;
  write_big_endian(number, sizeof key.bytes, reinterpret_cast<char*>(key.bytes));
  return key;
}

int check_close_payload(std::string_view payload) {
  if (payload.empty()) return 0;
  if (payload.size() == 1) return kProtocolError;
  const auto code = static_cast<int>(read_big_endian(payload.substr(0, 2)));
  if (!is_close_code(code)) return kProtocolError;
  return is_utf8(payload.substr(2)) ? 0 : kInvalidData;
}

std::optional<FrameHeader> parse_frame_header(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  FrameHeader header{};
  header.is_last = (first & 0x80) != 0;
  header.opcode = first & 0x0f;
  header.reserved = first & 0x70;
  header.is_masked = (second & 0x80) != 0;
  header.length = second & 0x7f;
  header.size = 2;
  const std::size_t longer = header.length == kLength16 ? 2 : header.length == kLength64 ? 8 : 0;
  if (bytes.size() < header.size + longer + (header.is_masked ? 4 : 0)) return std::nullopt;
  if (longer != 0) header.length = read_big_endian(bytes.substr(header.size, longer));
  header.size += longer;
  if (header.is_masked) {
    std::memcpy(header.key.bytes, bytes.data() + header.size, sizeof header.key.bytes);
    header.size += sizeof header.key.bytes;
  }
  return header;
}

std::size_t write_frame_header(int opcode, std::uint64_t length, const MaskingKey* key, char* out) {
  const unsigned mask_bit = key != nullptr ? 0x80 : 0;
  out[0] = static_cast<char>(0x80 | opcode);
  std::size_t size = 2;
  if (length < kLength16) {
    out[1] = static_cast<char>(mask_bit | length);
  } else {
    const std::size_t longer = length <= 0xffff ? 2 : 8;
    out[1] = static_cast<char>(mask_bit | (longer == 2 ? kLength16 : kLength64));
    write_big_endian(length, longer, out + size);
    size += longer;
  }
  if (key != nullptr) {
    std::memcpy(out + size, key->bytes, sizeof key->bytes);
    size += sizeof key->bytes;
  }
  return size;
}

void apply_mask(MaskingKey key, const char* in, std::size_t size, char* out) {
  std::uint64_t wide;  // the key twice; the order of bytes in memory is all that counts
  std::memcpy(&wide, key.bytes, 4);
  std::memcpy(reinterpret_cast<char*>(&wide) + 4, key.bytes, 4);
  std::size_t i = 0;
  for (; i + sizeof wide <= size; i += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, in + i, sizeof word);
    word ^= wide;
    std::memcpy(out + i, &word, sizeof word);
  }
  for (; i < size; ++i) out[i] = static_cast<char>(in[i] ^ key.bytes[i & 3]);
}

}  // namespace runtime::websocket
