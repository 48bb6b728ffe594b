#include "mongo/frame_reader.h"

#include "mongo/message.h"

namespace runtime::mongo {

namespace {

constexpr std::size_t kSpareBytes = 1 << 20;  // kept for the next frame

}  // namespace

void FrameReader::take(char* block, std::size_t size) noexcept {
  std::unique_ptr<char, Free> owned(block);
  if (held() > 0) return feed({block, size});
  joined_.clear();
  if (joined_.capacity() > kSpareBytes) joined_.shrink_to_fit();
  block_ = std::move(owned);
  block_size_ = size;
  begin_ = 0;
}

void FrameReader::feed(std::string_view bytes) noexcept {
  if (block_) {
    joined_ = unread();
    block_.reset();
  } else {
    joined_.erase(0, begin_);
  }
  begin_ = 0;
  joined_.append(bytes);
}

FrameReader::Status FrameReader::next() noexcept {
  const std::string_view bytes = unread();
  if (bytes.size() < kLengthBytes) return Status::incomplete;
  const std::int64_t rest = remaining(bytes.substr(0, kLengthBytes));
  if (rest < 0) return Status::error;
  if (bytes.size() - kLengthBytes < static_cast<std::size_t>(rest)) return Status::incomplete;
  frame_ = bytes.substr(kLengthBytes, static_cast<std::size_t>(rest));
  return Status::ready;
}

void FrameReader::pop() noexcept {
  begin_ += kLengthBytes + frame_.size();
  frame_ = {};
}

}  // namespace runtime::mongo
