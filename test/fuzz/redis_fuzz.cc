// Replies of any bytes, whole and in pieces: both ways come to the same end, and what is whole can
// be taken apart.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "redis/reply_reader.h"

namespace {

namespace redis = runtime::redis;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_items(std::string_view reply) {
  while (!reply.empty()) {
    redis::Item item;
    std::size_t searched = 0;
    std::size_t used = 0;
    check(redis::read_item(reply, searched, item, used) == redis::Status::ready);
    check(used > 0 && used <= reply.size() && item.count >= 0);
    reply.remove_prefix(used);
  }
}

struct Outcome {
  std::vector<std::string> replies;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(std::string_view bytes, std::size_t step) {
  Outcome outcome;
  redis::ReplyReader reader;
  while (!bytes.empty() && !outcome.failed) {
    const std::size_t piece = std::min(step, bytes.size());
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    redis::Status status = reader.next();
    for (; status == redis::Status::ready; status = reader.next()) {
      check_items(reader.reply());
      outcome.replies.emplace_back(reader.reply());
      reader.pop();
    }
    outcome.failed = status == redis::Status::error;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  check(read_all(bytes, size + 1) == read_all(bytes, 1));
  return 0;
}
