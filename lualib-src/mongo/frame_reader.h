// Frames of MongoDB's wire protocol, out of bytes that come in any pieces.
//
// Threads:   one at a time.
// Ownership: take() takes the block; frames point into what the reader holds.
// Memory:    nothing is allocated for a length that is only announced.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace runtime::mongo {

class FrameReader {
 public:
  enum class Status { incomplete, ready, error };

  // Adds `size` bytes at `block`, from malloc, and owns them.
  void take(char* block, std::size_t size) noexcept;
  // Adds a copy of the bytes.
  void feed(std::string_view bytes) noexcept;

  // Looks for the next frame. An error, a length that no frame can have, is final.
  Status next() noexcept;
  // What follows the length of the frame that next() has found; valid until pop(), take() or feed().
  std::string_view frame() const { return frame_; }
  // Drops that frame.
  void pop() noexcept;

  // Bytes that no pop() has taken.
  std::size_t held() const { return unread().size(); }

 private:
  struct Free {
    void operator()(char* block) const { std::free(block); }
  };

  std::string_view unread() const {
    return (block_ ? std::string_view(block_.get(), block_size_) : std::string_view(joined_))
        .substr(begin_);
  }

  std::unique_ptr<char, Free> block_;  // what came, when nothing was left of what came before
  std::size_t block_size_ = 0;
  std::string joined_;     // else
  std::size_t begin_ = 0;  // of what was not taken, in either
  std::string_view frame_;
};

}  // namespace runtime::mongo
