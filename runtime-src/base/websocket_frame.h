// Frames of RFC 6455, as bytes.
//
//    byte 0            byte 1            0, 2 or 8 bytes   0 or 4 bytes   `length` bytes
//   +-----------------+-----------------+-----------------+--------------+-------------+
//   | FIN RSV3 op(4)  | MASK length(7)  | longer length   | masking key  | payload     |
//   +-----------------+-----------------+-----------------+--------------+-------------+
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace runtime::websocket {

enum Opcode : int {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// Added to the opcode of a first frame: the reserved bit that says that the message is compressed
// (RFC 7692).
constexpr int kCompressed = 0x40;

constexpr bool is_control(int opcode) { return opcode >= 8; }

constexpr std::size_t kMaxHeader = 14;
constexpr std::size_t kMaxControlPayload = 125;

struct MaskingKey {
  unsigned char bytes[4];

  // The first byte sent is the highest.
  static MaskingKey from(std::uint32_t number);
};

struct FrameHeader {
  bool is_last;  // FIN
  int opcode;    // 0 to 15, not checked
  int reserved;  // the reserved bits, where they are in byte 0: 0x40, 0x20, 0x10
  bool is_masked;
  MaskingKey key;
  std::uint64_t length;  // of the payload, as the peer says
  std::size_t size;      // of the header itself
};

// Why a connection is closed (RFC 6455, 7.4.1).
enum CloseCode : int {
  kNormal = 1000,
  kProtocolError = 1002,
  kInvalidData = 1007,  // text that is not UTF-8
  kTooLarge = 1009,
};

// Whether an endpoint may send that code in a close frame.
constexpr bool is_close_code(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

// What is wrong with the payload of a close frame; 0: nothing.
int check_close_payload(std::string_view payload);

// The header at the start of `bytes`, or nothing while it is incomplete.
std::optional<FrameHeader> parse_frame_header(std::string_view bytes);

// Writes the header of an unfragmented frame in its shortest form to `out`, which has room for
// kMaxHeader bytes; the number of bytes written. kCompressed may be added to the opcode. `key` may
// be null: not masked.
std::size_t write_frame_header(int opcode, std::uint64_t length, const MaskingKey* key, char* out);

// Masks or unmasks (it is the same) `size` bytes from `in` to `out`, which may be the same place.
void apply_mask(MaskingKey key, const char* in, std::size_t size, char* out);

}  // namespace runtime::websocket
