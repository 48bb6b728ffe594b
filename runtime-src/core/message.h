// One message, as it lies in a mailbox.
//
// The layout is that of the C plugin interface (struct skynet_message): the type shares a word with
// the size.
//
//   63      56 55                                   0
//   +---------+--------------------------------------+
//   |  type   |  size in bytes                       |  size_and_type
//   +---------+--------------------------------------+
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace runtime {

using Handle = std::uint32_t;  // 8 bits harbor, 24 bits local id; 0 is nobody

constexpr Handle kLocalMask = 0xffffff;
constexpr int kHarborShift = 24;

// Message types; the numbers are part of the wire format between nodes.
enum MessageType : int {
  kTypeText = 0,
  kTypeResponse = 1,
  kTypeMulticast = 2,
  kTypeClient = 3,
  kTypeSystem = 4,
  kTypeHarbor = 5,
  kTypeSocket = 6,
  kTypeError = 7,
  kTypeQueue = 8,
  kTypeDebug = 9,
  kTypeLua = 10,
  kTypeSnax = 11,
  kTypeTrace = 12,
};

constexpr int kTypeShift = 56;
constexpr std::size_t kMaxMessageBytes = (std::size_t{1} << kTypeShift) - 1;

// A plain value: copying it copies the pointer. Whoever holds the last copy frees `data`
// (free_payload).
struct Message {
  Handle source = 0;
  std::int32_t session = 0;
  void* data = nullptr;  // from malloc, or null
  std::size_t size_and_type = 0;

  static Message make(Handle source, int type, std::int32_t session, void* data, std::size_t size) {
    return {source, session, data, size | static_cast<std::size_t>(type) << kTypeShift};
  }
  int type() const { return static_cast<int>(size_and_type >> kTypeShift); }
  std::size_t size() const { return size_and_type & kMaxMessageBytes; }
  void free_payload() const { std::free(data); }
};

static_assert(sizeof(Message) == 24, "the layout of struct skynet_message");

}  // namespace runtime
