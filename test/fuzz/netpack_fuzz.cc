// The frame queue, fed with any bytes in any pieces on a few connections: each connection gets its
// frames back, byte for byte, and no memory is lost.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "netpack/frame_queue.h"

namespace {

using runtime::netpack::FrameQueue;
using runtime::netpack::OwnedFrame;

constexpr int kConnections = 4;

// Per connection: what was sent, and where its next frame is expected.
struct Stream {
  std::string bytes;
  std::size_t seen = 0;
};

void check(bool condition) {
  if (!condition) std::abort();
}

void take(Stream* streams, const OwnedFrame& frame) {
  Stream& stream = streams[frame.id];
  const std::size_t size = static_cast<unsigned char>(stream.bytes[stream.seen]) << 8 |
                           static_cast<unsigned char>(stream.bytes[stream.seen + 1]);
  check(frame.size == size);
  check(stream.bytes.compare(stream.seen + 2, size, frame.data, frame.size) == 0);
  stream.seen += 2 + size;
  std::free(frame.data);
}

}  // namespace

// Input: records of one byte connection and flags, one byte size, then so many bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FrameQueue queue;
  Stream streams[kConnections];
  while (size >= 2) {
    const int id = data[0] % kConnections;
    const bool ends = (data[0] & 0x40) != 0;
    const std::size_t count = std::min<std::size_t>(data[1], size - 2);
    char* block = static_cast<char*>(std::malloc(count + 1));
    std::copy(data + 2, data + 2 + count, block);
    streams[id].bytes.append(block, count);
    OwnedFrame frame;
    if (queue.push(id, block, count, &frame) == FrameQueue::Pushed::single) {
      take(streams, frame);
    } else {
      while (const auto next = queue.pop()) take(streams, *next);
    }
    if (ends) {
      queue.forget(id);
      streams[id] = {};
    }
    data += 2 + count;
    size -= 2 + count;
  }
  return 0;
}
