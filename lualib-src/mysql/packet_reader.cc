#include "mysql/packet_reader.h"

#include <algorithm>
#include <cstring>

namespace runtime::mysql {

namespace {

constexpr std::size_t kSpareBytes = 1024 * 1024;  // kept for the next reply

std::size_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

void clear(std::string& bytes) {
  bytes.clear();
  if (bytes.capacity() > kSpareBytes) bytes.shrink_to_fit();
}

// Takes `size` bytes from the front of the two.
void take(std::string_view& head, std::string_view& body, std::size_t size, char* out) {
  for (std::string_view* part : {&head, &body}) {
    const std::size_t some = std::min(size, part->size());
    if (some > 0) std::memcpy(out, part->data(), some);
    part->remove_prefix(some);
    out += some;
    size -= some;
  }
}

}  // namespace

void PacketReader::drop() {
  payload_ = {};
  if (!is_joining_ && !joined_.empty()) clear(joined_);
  if (begin_ < bytes_.size() || begin_ == 0) return;
  clear(bytes_);
  begin_ = 0;
}

void PacketReader::feed(std::string_view bytes) noexcept {
  drop();
  bytes_.erase(0, begin_);
  begin_ = 0;
  bytes_.append(bytes);
}

Status PacketReader::next() noexcept {
  if (failed_) return Status::error;
  drop();
  for (;;) {
    const std::string_view rest = std::string_view(bytes_).substr(begin_);
    if (rest.size() < kHeadBytes) return Status::incomplete;
    const std::size_t size = byte_at(rest, 0) | byte_at(rest, 1) << 8 | byte_at(rest, 2) << 16;
    if (joined_.size() + size > limit_) {
      failed_ = true;
      return Status::error;
    }
    if (rest.size() < kHeadBytes + size) return Status::incomplete;
    const std::string_view piece = rest.substr(kHeadBytes, size);
    number_ = static_cast<std::uint8_t>(rest[3]);
    begin_ += kHeadBytes + size;
    const bool is_last = size < kMaxPiece;
    if (is_last && !is_joining_) {
      payload_ = piece;
      return Status::ready;
    }
    joined_.append(piece);
    is_joining_ = !is_last;
    if (is_last) {
      payload_ = joined_;
      return Status::ready;
    }
  }
}

std::size_t framed_bytes(std::size_t payload) {
  return payload + kHeadBytes * (payload / kMaxPiece + 1);
}

void write_framed(std::string_view head, std::string_view body, std::uint8_t number, char* out) {
  for (;;) {
    const std::size_t size = std::min(head.size() + body.size(), kMaxPiece);
    *out++ = static_cast<char>(size);
    *out++ = static_cast<char>(size >> 8);
    *out++ = static_cast<char>(size >> 16);
    *out++ = static_cast<char>(number++);
    take(head, body, size, out);
    out += size;
    if (size < kMaxPiece) return;
  }
}

}  // namespace runtime::mysql
