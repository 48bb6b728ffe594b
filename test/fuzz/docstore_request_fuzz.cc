// Any bytes as a request of the document store's peer: what is taken lies inside of what came, or of what was unpacked, and
// an answer to it can be framed. What counts as short has few statements.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bson/reader.h"
#include "docstore/commands/short.h"
#include "docstore/wire/crc32c.h"
#include "docstore/wire/request.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

void check_document(std::string_view document) {
  using namespace runtime;
  check(bson::check(document, docstore::kMaxDepth).fault == bson::Fault::none);
}

void check_request(const std::string& frame) {
  using namespace runtime::docstore;
  const Request request = parse_request(frame);
  if (request.malformed != nullptr) return;
  check_document(request.command);
  for (const Sequence& sequence : request.sequences) {
    for (const std::string_view document : sequence.documents) check_document(document);
  }
  if (brevity_of(request) != Brevity::none) {
    for (const Sequence& sequence : request.sequences) check(sequence.documents.size() <= 8);
  }
  const Frame answer = frame_answer(request, 1, request.command);
  check(bytes_after_length({answer.bytes, 4}) + 4 == static_cast<std::int64_t>(answer.size));
  std::free(answer.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runtime::docstore;
  std::string frame(reinterpret_cast<const char*>(data), size);
  check_request(frame);
  if (size < 16) return 0;
  // The length that most inputs would not have; and the checksum, when the flags promise one.
  const auto whole = static_cast<std::uint32_t>(size);
  std::memcpy(frame.data(), &whole, 4);
  check_request(frame);
  if (size >= 24 && (frame[16] & 1) != 0) {
    const std::uint32_t sum = crc32c(std::string_view(frame).substr(0, size - 4));
    std::memcpy(frame.data() + size - 4, &sum, 4);
    check_request(frame);
  }
  return 0;
}
