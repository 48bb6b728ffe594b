// Any bytes as a reply of a MongoDB: its document lies inside of what came, and only a whole message has one.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mongo/message.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runtime::mongo;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::int64_t rest = remaining(bytes.substr(0, kLengthBytes));
  check(rest == -1 || (rest >= kSmallestMessage - 4 && rest <= kLargestMessage - 4));
  if (size < kLengthBytes) return 0;

  const std::string_view body = bytes.substr(kLengthBytes);
  const Reply reply = parse_reply(body);
  check(describe(reply.refusal) != nullptr);
  if (reply.refusal != Refusal::none) {
    check(reply.document.empty());
    return 0;
  }
  check(reply.document.data() + reply.document.size() == body.data() + body.size());
  check(reply.document.size() == size - kHeadBytes);

  char head[kHeadBytes];
  write_head(head, reply.response_to, 2, reply.document.size());
  const std::int64_t again = remaining({head, kLengthBytes});
  check(again == -1 || static_cast<std::size_t>(again) == body.size());
  return 0;
}
