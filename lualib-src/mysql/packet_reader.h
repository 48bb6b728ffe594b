// Packets of MySQL's protocol, out of bytes that come in any pieces; and their writing.
//
//   | size, 3 bytes | number | payload |
//
// A payload of 2^24 - 1 bytes or more is sent in pieces of that size, the last one shorter (it may be
// empty); the reader joins them. Nothing is allocated for a size that is only announced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace runtime::mysql {

inline constexpr std::size_t kHeadBytes = 4;
inline constexpr std::size_t kMaxPiece = 0xffffff;
// The most that a server can be told to send (its max_allowed_packet).
inline constexpr std::size_t kMaxPayload = std::size_t{1} << 30;

enum class Status { incomplete, ready, error };

class PacketReader {
 public:
  explicit PacketReader(std::size_t limit = kMaxPayload) noexcept : limit_(limit) {}

  void feed(std::string_view bytes) noexcept;

  // Drops the packet before and looks for the next one. An error, a payload above the limit, is final.
  Status next() noexcept;

  // Of the packet that next() found; valid until next() or feed().
  [[nodiscard]] std::string_view payload() const { return payload_; }
  [[nodiscard]] std::uint8_t number() const { return number_; }

  // Bytes that belong to no packet that next() has found.
  [[nodiscard]] std::size_t held() const {
    return bytes_.size() - begin_ + (is_joining_ ? joined_.size() : 0);
  }

 private:
  void drop();

  std::size_t limit_;
  std::string bytes_;
  std::size_t begin_ = 0;    // of what was not looked at
  std::string joined_;       // the pieces so far of a payload in pieces
  bool is_joining_ = false;  // more pieces of it follow
  std::string_view payload_;
  std::uint8_t number_ = 0;
  bool failed_ = false;
};

// How many bytes a payload takes on the wire.
[[nodiscard]] std::size_t framed_bytes(std::size_t payload);

// Writes the payload `head` + `body` as packets, the first with `number`, to `out`, which has room for
// framed_bytes().
void write_framed(std::string_view head, std::string_view body, std::uint8_t number, char* out);

}  // namespace runtime::mysql
