// What the packets of a peer ask for: requests that came whole, and those that came in parts.
//
// Memory: kMaxUnfinished messages, and a budget of bytes for what they hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "cluster/assembly.h"
#include "cluster/compression.h"
#include "cluster/frame.h"

namespace runtime::cluster {

class RequestReader {
 public:
  static constexpr std::size_t kMaxUnfinished = 65536;

  // `compression` says whether payloads may be compressed, and outlives the reader; without it they may not.
  explicit RequestReader(std::size_t budget, Compression* compression = nullptr)
      : limit_(budget), compression_(compression), budget_{budget} {}

  struct Event {
    enum class Kind {
      nothing,   // more is to come
      request,   // a request is there
      refused,   // a request that cannot be: `text` is to be answered, unless it is a push
      trace,     // `text` is the tag of the next request
      nonsense,  // no packet of this protocol; `text` says why
      damaged,  // a compressed packet that cannot be read: nothing good can follow; `text` says why
    };
    Kind kind = Kind::nothing;
    bool push = false;
    Target target;  // request; the name lives until the next read(), or as long as `body`
    std::uint32_t session = 0;  // request, refused
    Owned payload;              // request: the receiver's
    std::string_view text;      // lives until the next read(), or as long as `body`
  };
  Event read(std::string_view body);

  std::size_t unfinished() const { return unfinished_.size(); }

 private:
  struct Unfinished {
    bool push;
    bool named;
    std::uint32_t handle;
    std::string name;
    const char* fault;  // why it is refused when its last part comes; null: it is fine
    bool told;          // it has been refused already
    Assembly bytes;
  };

  Event begin(const Request& head);
  Event add(const Request& part);
  static Event refused(std::uint32_t session, bool push, const char* text);

  const std::size_t limit_;
  Compression* const compression_;
  Budget budget_;
  std::unordered_map<std::uint32_t, Unfinished> unfinished_;
  std::string name_, text_;  // of the last event
};

}  // namespace runtime::cluster
