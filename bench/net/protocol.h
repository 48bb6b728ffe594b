// What a client of each protocol sends, and how it finds and checks what comes back.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bench {

struct Part {
  enum class Kind {
    incomplete,  // more bytes are needed
    ready,       // the answer to the greeting: requests may follow
    reply,       // the answer to one request
    wrong,       // an answer, but not the right one
    end,         // the peer says that it closes
  };
  Kind kind;
  std::size_t size = 0;
};

class Protocol {
 public:
  virtual ~Protocol() = default;

  // Sent when the connection stands, before the first request; may be empty, and then it has no
  // answer.
  virtual std::string_view greeting() const { return {}; }
  virtual std::string_view request() const = 0;
  // What `received`, which is not empty, begins with.
  virtual Part parse(std::string_view received, bool greeted) const = 0;
  // Whether a connection serves one request only.
  virtual bool closes() const { return false; }
};

// raw: `bytes` bytes, and the same back      len2: a 2-byte length and `bytes` bytes, and the same back
// ws:  masked binary messages of that size   http: GET on a connection that is kept   httpc: a connection each
// Null: there is no such protocol.
std::unique_ptr<Protocol> make_protocol(std::string_view name, std::size_t bytes);

}  // namespace bench
