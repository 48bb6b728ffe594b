// The frames between two nodes of a harbor network. All numbers are big endian.
//
//   +--------------+---------+-----------+----------------------+------------+
//   | length: 4    | payload | source: 4 | type: 1, local id: 3 | session: 4 |
//   +--------------+---------+-----------+----------------------+------------+
//    payload + 12             the sender's   of the destination
//                             whole handle
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace runtime {

constexpr std::size_t kFrameHeadBytes = 4;
constexpr std::size_t kFrameTailBytes = 12;
constexpr std::size_t kMaxFrameBytes = 0xffffff;  // payload and tail: the length's top byte is 0
constexpr std::size_t kMaxFramePayload = kMaxFrameBytes - kFrameTailBytes;

struct FrameTail {
  std::uint32_t source;
  std::uint32_t destination;  // the local id: 24 bits
  int type;                   // 8 bits
  std::uint32_t session;
};

// `payload_bytes` is at most kMaxFramePayload.
std::array<char, kFrameHeadBytes> encode_frame_head(std::size_t payload_bytes);
std::array<char, kFrameTailBytes> encode_frame_tail(const FrameTail& tail);

// A frame that has come. It owns its payload until release().
class HarborFrame {
 public:
  HarborFrame() = default;
  ~HarborFrame() { std::free(data_); }
  HarborFrame(const HarborFrame&) = delete;
  HarborFrame& operator=(const HarborFrame&) = delete;

  FrameTail tail{};
  std::string_view payload() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  // The payload, from malloc; the caller's from now on. Null if it is empty.
  char* release() { return std::exchange(data_, nullptr); }

 private:
  friend class HarborFrameReader;
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// Cuts what one peer sends into frames, in whatever pieces it comes.
//
// Memory: of the frame that is still coming; no more than twice what has come of it, whatever
// length it claims.
class HarborFrameReader {
 public:
  HarborFrameReader() = default;
  ~HarborFrameReader() { std::free(body_); }
  HarborFrameReader(const HarborFrameReader&) = delete;
  HarborFrameReader& operator=(const HarborFrameReader&) = delete;

  enum class Result {
    frame,      // *frame is the next one
    more,       // the bytes are used up
    too_short,  // the length cannot hold the tail: the stream is broken, and stays so
    too_long,   // the length's top byte is not 0: the same
  };
  // Moves the front of `bytes` into the reader, until a frame is whole or the bytes are used up.
  Result next(std::string_view* bytes, HarborFrame* frame);

 private:
  void reserve(std::size_t wanted);

  unsigned char head_[kFrameHeadBytes] = {};
  std::size_t head_filled_ = 0;
  std::size_t length_ = 0;  // once the head is there
  char* body_ = nullptr;    // from malloc
  std::size_t capacity_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace runtime
