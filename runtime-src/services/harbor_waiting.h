// Messages that wait for their way: until a name has a handle, or a node is connected.
//
// Threads:   one at a time.
// Ownership: the payloads (malloc) belong to whoever holds the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace runtime {

struct HarborMessage {
  std::uint32_t source;
  int session;
  int type;
  void* data;
  std::size_t size;
};

class HarborWaiting {
 public:
  HarborWaiting() = default;
  ~HarborWaiting() {
    for (const HarborMessage& message : messages_) std::free(message.data);
  }
  HarborWaiting(const HarborWaiting&) = delete;
  HarborWaiting& operator=(const HarborWaiting&) = delete;

  struct Entry : HarborMessage {
    std::uint32_t destination;
  };

  // False: there are too many bytes already; the message stays the caller's.
  bool push(const HarborMessage& message, std::uint32_t destination) {
    if (bytes_ + cost(message) > kMaxBytes) return false;
    bytes_ += cost(message);
    messages_.push_back({message, destination});
    return true;
  }
  bool empty() const { return messages_.empty(); }

  // All of them, in the order in which they came; the caller's from now on.
  std::vector<Entry> take() {
    bytes_ = 0;
    return std::exchange(messages_, {});
  }

  static constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;

 private:
  static std::size_t cost(const HarborMessage& message) { return message.size + sizeof(Entry); }

  std::vector<Entry> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace runtime
