// Any bytes as a reply of a MongoDB: its document lies inside of what came, and only a whole message has one. And in
// any pieces as a stream of them: the reader gives the same frames as at one time, and all bytes that came.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "mongo/frame_reader.h"
#include "mongo/message.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

// What a reader gives of `bytes` in pieces of `piece`: each frame, behind its size.
std::string frames_of(std::string_view bytes, std::size_t piece, bool by_block) {
  using runtime::mongo::FrameReader;
  FrameReader reader;
  std::string frames;
  std::size_t taken = 0;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string_view some = bytes.substr(at, piece);
    if (by_block) {
      auto* const block = static_cast<char*>(std::malloc(some.size()));
      std::memcpy(block, some.data(), some.size());
      reader.take(block, some.size());
    } else {
      reader.feed(some);
    }
    while (reader.next() == FrameReader::Status::ready) {
      frames += std::to_string(reader.frame().size()) + ' ';
      frames += reader.frame();
      taken += runtime::mongo::kLengthBytes + reader.frame().size();
      reader.pop();
    }
    check(reader.held() + taken == std::min(at + piece, bytes.size()));
  }
  return frames;
}

void check_stream(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t piece = 1 + static_cast<unsigned char>(bytes.back());
  const std::string whole = frames_of(bytes, bytes.size(), true);
  check(whole == frames_of(bytes, piece, true));
  check(whole == frames_of(bytes, piece, false));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runtime::mongo;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_stream(bytes);
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
