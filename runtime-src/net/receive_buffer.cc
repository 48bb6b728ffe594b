#include "net/receive_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/memory_reserve.h"

namespace runtime {

void ReceiveBuffer::push(char* block, std::size_t size) {
  if (size == 0) {
    std::free(block);
    return;
  }
  if (count_ == capacity_) grow();
  piece(count_++) = {block, 0, size};
  bytes_ += size;
}

void ReceiveBuffer::grow() {
  auto* larger =
      static_cast<Piece*>(needed([&] { return std::malloc(2 * capacity_ * sizeof(Piece)); }));
  for (std::size_t i = 0; i < count_; ++i) larger[i] = piece(i);
  if (pieces_ != inline_) std::free(pieces_);
  pieces_ = larger;
  capacity_ *= 2;
  head_ = 0;
}

void ReceiveBuffer::consume(std::size_t count) {
  bytes_ -= count;
  searched_ -= std::min(searched_, count);
  while (count > 0) {
    Piece& first = pieces_[head_];
    if (count < first.size()) {
      first.begin += count;
      return;
    }
    count -= first.size();
    std::free(first.block);
    head_ = (head_ + 1) & (capacity_ - 1);
    --count_;
  }
  if (count_ == 0 && pieces_ != inline_) {
    std::free(pieces_);
    pieces_ = inline_;
    capacity_ = kInline;
    head_ = 0;
  }
}

// Makes the first `count` bytes, which lie in several pieces, one piece.
std::string_view ReceiveBuffer::join(std::size_t count) {
  auto* block = static_cast<char*>(needed([count] { return std::malloc(count); }));
  std::size_t done = 0;
  for (;;) {
    Piece& first = pieces_[head_];
    const std::size_t part = std::min(first.size(), count - done);
    std::memcpy(block + done, first.start(), part);
    done += part;
    first.begin += part;
    if (done == count && first.begin < first.end)
      break;  // the rest of it stays behind the new piece
    std::free(first.block);
    head_ = (head_ + 1) & (capacity_ - 1);
    --count_;
    if (done == count) break;
  }
  // At least one piece has gone, so there is room.
  head_ = (head_ - 1) & (capacity_ - 1);
  ++count_;
  pieces_[head_] = {block, 0, count};
  return {block, count};
}

// Whether `separator` lies at `offset` of piece `index`, and in the pieces that follow.
bool ReceiveBuffer::matches(std::size_t index, std::size_t offset, std::string_view separator) {
  while (!separator.empty()) {
    if (index == count_) return false;
    const Piece& here = piece(index++);
    const std::size_t part = std::min(separator.size(), here.size() - offset);
    if (std::memcmp(here.start() + offset, separator.data(), part) != 0) return false;
    separator.remove_prefix(part);
    offset = 0;
  }
  return true;
}

std::optional<std::size_t> ReceiveBuffer::find(std::string_view separator) {
  if (separator != std::string_view(separator_, separator_size_)) {
    searched_ = 0;
    separator_size_ = 0;
    if (separator.size() <= kRemembered) separator_size_ = separator.copy(separator_, kRemembered);
  }
  if (separator.empty()) return 0;
  const bool remembered = separator_size_ > 0;
  std::size_t before = 0;  // bytes in the pieces before this one
  for (std::size_t i = 0; i < count_; ++i) {
    const Piece& here = piece(i);
    std::size_t offset = before < searched_ ? std::min(searched_ - before, here.size()) : 0;
    while (offset < here.size() && before + offset + separator.size() <= bytes_) {
      const void* found = std::memchr(here.start() + offset, separator[0], here.size() - offset);
      if (found == nullptr) break;
      offset = static_cast<std::size_t>(static_cast<const char*>(found) - here.start());
      if (matches(i, offset, separator)) {
        if (remembered) searched_ = before + offset;
        return before + offset;
      }
      ++offset;
    }
    before += here.size();
  }
  if (remembered && bytes_ >= separator.size()) searched_ = bytes_ - separator.size() + 1;
  return std::nullopt;
}

void ReceiveBuffer::clear() { consume(bytes_); }

}  // namespace runtime
