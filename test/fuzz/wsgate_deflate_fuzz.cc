// Compressed WebSocket messages of any bytes: never more than the limit, and a message that comes
// after one that was right is treated as such.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "services/wsgate/deflate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using runtime::wsgate::Deflate;
  if (size == 0) return 0;
  constexpr std::size_t kMax = 5000;
  Deflate deflate;
  if ((data[0] & 1) != 0) deflate.forget_received();
  ++data;
  --size;
  // Records of one byte size and so many bytes.
  while (size > 0) {
    const std::size_t count = std::min<std::size_t>(data[0], size - 1);
    runtime::wsgate::Block bytes;
    std::size_t inflated = 0;
    const auto result =
        deflate.inflate({reinterpret_cast<const char*>(data) + 1, count}, kMax, &bytes, &inflated);
    if (result != Deflate::Result::ok) return 0;
    if (inflated > kMax || bytes.get()[inflated] != '\0') std::abort();
    data += 1 + count;
    size -= 1 + count;
  }
  return 0;
}
