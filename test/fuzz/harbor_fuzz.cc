// The frames between nodes, read from any bytes in any pieces: what is read is what was sent, and
// the pieces do not matter.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/harbor_frame.h"

namespace {

using runtime::HarborFrame;
using runtime::HarborFrameReader;
using Result = HarborFrameReader::Result;

// All frames, written again; and how the reading ended.
Result rewrite(std::string_view bytes, std::size_t piece, std::string* out) {
  HarborFrameReader reader;
  HarborFrame frame;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    Result result;
    while ((result = reader.next(&part, &frame)) == Result::frame) {
      const auto head = runtime::encode_frame_head(frame.size());
      const auto tail = runtime::encode_frame_tail(frame.tail);
      out->append(head.data(), head.size()).append(frame.payload());
      out->append(tail.data(), tail.size());
    }
    if (result != Result::more) return result;
    if (!part.empty()) std::abort();
  }
  return Result::more;
}

}  // namespace

// Input: one byte, the size of the pieces; then the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string whole, pieces;
  const Result result = rewrite(stream, std::max<std::size_t>(size, 1), &whole);
  if (rewrite(stream, std::size_t{data[0]} + 1, &pieces) != result) std::abort();
  if (whole != pieces || !stream.starts_with(whole)) std::abort();
  return 0;
}
