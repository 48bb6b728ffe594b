// Any bytes as a compressed payload: it expands to no more than a packet may hold, or is refused with a reason, alone and
// as the payload of a request. What it expands to can be compressed again, and gives itself.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cluster/compression.h"
#include "cluster/request_reader.h"

namespace {

using namespace runtime::cluster;

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65000) return 0;
  const std::string packed(reinterpret_cast<const char*>(data), size);
  Compression compression(1);
  compression.agree();

  std::string_view payload = packed;
  const bool sound = compression.expand(&payload);
  check(sound || !compression.fault().empty());
  if (sound) check(!payload.empty() && payload.size() <= kPartBytes);
  const std::string expanded(sound ? payload : std::string_view());

  char head[kMaxHead];
  const std::size_t head_bytes = write_request(head, Target{}, 1, 0);
  mark_compressed(Protocol::requests, head, head_bytes, size);
  RequestReader reader(4096, &compression);
  const RequestReader::Event event =
      reader.read(std::string(head + kLengthBytes, head_bytes - kLengthBytes).append(packed));
  check(event.kind ==
        (sound ? RequestReader::Event::Kind::request : RequestReader::Event::Kind::damaged));
  check(std::string_view(event.payload.data, event.payload.size) == expanded);
  std::free(event.payload.data);
  if (!sound) return 0;

  std::string again(expanded.size(), '\0');
  again.resize(compression.shrink(expanded, again.data()));
  if (again.empty()) return 0;
  payload = again;
  check(compression.expand(&payload));
  check(payload == expanded);
  return 0;
}
