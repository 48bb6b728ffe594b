// Replies of any bytes, whole and in pieces: both ways come to the same end, and what is whole can
// be taken apart.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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

enum class Come { copied, in_blocks };

void add(redis::ReplyReader& reader, std::string_view bytes, Come come) {
  if (come == Come::copied) return reader.feed(bytes);
  auto* block = static_cast<char*>(std::malloc(bytes.size()));
  std::memcpy(block, bytes.data(), bytes.size());
  reader.take(block, bytes.size());
}

Outcome read_all(std::string_view bytes, std::size_t step, Come come) {
  Outcome outcome;
  redis::ReplyReader reader;
  while (!bytes.empty() && !outcome.failed) {
    const std::size_t piece = std::min(step, bytes.size());
    add(reader, bytes.substr(0, piece), come);
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
  const Outcome whole = read_all(bytes, size + 1, Come::in_blocks);
  check(read_all(bytes, 1, Come::copied) == whole);
  check(read_all(bytes, 1, Come::in_blocks) == whole);
  check(read_all(bytes, 7, Come::in_blocks) == whole);
  return 0;
}
