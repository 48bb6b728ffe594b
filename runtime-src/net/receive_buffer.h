// The bytes of one stream that have been received and not been read: a ring of the blocks they came
// in.
//
// Threads:   one at a time.
// Ownership: push() takes a block (malloc), which is freed when its last byte has been consumed.
// Memory:    the blocks, and 24 bytes for each; nothing is kept when the buffer is empty.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace runtime {

class ReceiveBuffer {
 public:
  ReceiveBuffer() = default;
  ~ReceiveBuffer() { clear(); }
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;

  std::size_t bytes() const { return bytes_; }

  void push(char* block, std::size_t size);

  // The first `count` bytes, of at least as many, in one piece (which may have to be put together
  // first). Valid until the next call.
  std::string_view front(std::size_t count) {
    return count <= pieces_[head_].size() ? std::string_view(pieces_[head_].start(), count)
                                          : join(count);
  }

  // Drops the first `count` bytes, of at least as many.
  void consume(std::size_t count);

  // How many bytes there are before the first `separator`. Goes on where the last search for the
  // same separator came to, so that it is cheap to ask after each block. An empty one is found at
  // once.
  std::optional<std::size_t> find(std::string_view separator);

  void clear();

 private:
  struct Piece {
    char* block;
    std::size_t begin, end;
    std::size_t size() const { return end - begin; }
    const char* start() const { return block + begin; }
  };
  // Most of the time there is one block, or a few.
  static constexpr std::size_t kInline = 4;
  // A separator of at most so many bytes is remembered between searches.
  static constexpr std::size_t kRemembered = 8;

  Piece& piece(std::size_t index) { return pieces_[(head_ + index) & (capacity_ - 1)]; }
  void grow();
  std::string_view join(std::size_t count);
  bool matches(std::size_t index, std::size_t offset, std::string_view separator);

  Piece inline_[kInline] = {};
  Piece* pieces_ = inline_;         // a ring of capacity_ places
  std::size_t capacity_ = kInline;  // a power of two
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::size_t searched_ = 0;  // in front of this no separator_ begins
  char separator_[kRemembered] = {};
  std::size_t separator_size_ = 0;
  std::size_t bytes_ = 0;  // last, beside what is asked of it with each message (StreamBuffer)
};

}  // namespace runtime
