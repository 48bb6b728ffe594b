// The stream of each connection, cut into frames: 2 bytes length, high byte first, then that many
// bytes.
//
//   push(block)                              pop()
//   +----+-------+----+---------+----+--     one frame after the other, in the order of arrival
//   | 05 | hello | 02 | hi      | 09 | pa
//   +----+-------+----+---------+----+--     a frame that is not whole waits, per connection, for the rest
//
// Threads:   one at a time.
// Ownership: blocks are from malloc. push() takes its block; who pops a frame owns it and frees it.
// Memory:    blocks that hold whole frames nobody popped yet; for each connection at most one frame
//            that is still coming, of at most 65535 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace runtime::netpack {

constexpr std::size_t kHeaderBytes = 2;
constexpr std::size_t kMaxFrame = 0xffff;

struct OwnedFrame {
  int id;  // the connection
  char* data;
  std::size_t size;
};

class FrameQueue {
 public:
  FrameQueue() noexcept {}  // the members may allocate: without memory the process ends
  FrameQueue(const FrameQueue&) = delete;
  FrameQueue& operator=(const FrameQueue&) = delete;
  ~FrameQueue() { clear(); }

  enum class Pushed {
    nothing,  // no frame became whole
    single,  // exactly one did, with the last byte of the block: it is in *frame, and not in the queue
    queued,  // one or more did; they are in the queue
  };
  // Takes `size` bytes that came on connection `id`.
  Pushed push(int id, char* block, std::size_t size, OwnedFrame* frame) noexcept;

  // The oldest whole frame, or nothing.
  std::optional<OwnedFrame> pop() noexcept;

  // Drops the frame that is still coming on `id`: the connection has ended.
  void forget(int id) noexcept;

  // Drops everything.
  void clear() noexcept;

 private:
  // A frame that has not come as a whole.
  struct Partial {
    char* block = nullptr;  // header and payload, `total` bytes; null while only one byte has come
    std::size_t filled = 0;
    std::size_t total = 0;
    char first = 0;  // the header's first byte, while `block` is null
  };
  // Whole frames, one behind the other with their headers, from `next` to `end` in `block`.
  struct Run {
    int id;
    char* block;
    std::size_t next;
    std::size_t end;
  };

  // Moves bytes from the front of `bytes` into the frame; true when it is whole.
  static bool fill(Partial& partial, std::string_view& bytes);
  // Cuts off the first frame. The last one keeps the block, unless that is mostly other bytes.
  static OwnedFrame take(Run& run);
  void keep_rest(int id, std::string_view rest);

  std::unordered_map<int, Partial> partials_;
  std::deque<Run> runs_;
};

}  // namespace runtime::netpack
