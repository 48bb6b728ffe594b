#include "services/harbor_frame.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/memory_reserve.h"

namespace runtime {
namespace {

void put_number(char* to, std::uint32_t number) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(number >> (24 - 8 * i));
}

std::uint32_t get_number(const char* from) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(from[i]);
  return number;
}

}  // namespace

std::array<char, kFrameHeadBytes> encode_frame_head(std::size_t payload_bytes) {
  RUNTIME_CHECK(payload_bytes <= kMaxFramePayload, "the payload fits into a frame");
  std::array<char, kFrameHeadBytes> head;
  put_number(head.data(), static_cast<std::uint32_t>(payload_bytes + kFrameTailBytes));
  return head;
}

std::array<char, kFrameTailBytes> encode_frame_tail(const FrameTail& tail) {
  std::array<char, kFrameTailBytes> bytes;
  put_number(bytes.data(), tail.source);
  put_number(bytes.data() + 4,
             static_cast<std::uint32_t>(tail.type & 0xff) << 24 | (tail.destination & 0xffffff));
  put_number(bytes.data() + 8, tail.session);
  return bytes;
}

HarborFrameReader::Result HarborFrameReader::next(std::string_view* bytes, HarborFrame* frame) {
  while (head_filled_ < kFrameHeadBytes) {
    if (bytes->empty()) return Result::more;
    head_[head_filled_++] = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
  }
  if (length_ == 0) {
    if (head_[0] != 0) return Result::too_long;
    length_ = std::size_t{head_[1]} << 16 | std::size_t{head_[2]} << 8 | head_[3];
    if (length_ < kFrameTailBytes) {
      length_ = 0;
      return Result::too_short;
    }
  }
  if (bytes->empty()) return Result::more;
  const std::size_t part = std::min(length_ - filled_, bytes->size());
  reserve(filled_ + part);
  std::memcpy(body_ + filled_, bytes->data(), part);
  filled_ += part;
  bytes->remove_prefix(part);
  if (filled_ < length_) return Result::more;

  const std::size_t size = length_ - kFrameTailBytes;
  const char* tail = body_ + size;
  const std::uint32_t destination = get_number(tail + 4);
  frame->tail = {get_number(tail), destination & 0xffffff, static_cast<int>(destination >> 24),
                 get_number(tail + 8)};
  std::free(frame->data_);
  frame->data_ = nullptr;
  frame->size_ = size;
  if (size > 0) {
    body_[size] = '\0';  // as every message has it; the tail was there
    frame->data_ = std::exchange(body_, nullptr);
    capacity_ = 0;
  }
  head_filled_ = length_ = filled_ = 0;
  return Result::frame;
}

// A frame that comes in one piece gets a block of its size. Else the block grows with what comes.
void HarborFrameReader::reserve(std::size_t wanted) {
  if (wanted <= capacity_) return;
  capacity_ = capacity_ == 0 ? std::max(wanted, kFrameTailBytes)
                             : std::max(wanted, std::min(2 * capacity_, length_));
  body_ = static_cast<char*>(needed([this] { return std::realloc(body_, capacity_); }));
}

}  // namespace runtime
