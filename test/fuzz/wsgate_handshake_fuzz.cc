// Requests of any bytes at wsgate: each gets one answer, and nothing of a request is in it that
// could end a line.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/wsgate/handshake.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runtime::wsgate;
  // Behind what is right in every request, so that the rest is looked at as well.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string good =
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  Options options;
  options.deflate = true;
  for (const std::string& head : {bytes, good + bytes}) {
    const Handshake handshake = answer_request(head, options);
    const std::string& answer = handshake.answer;
    check(answer.rfind("HTTP/1.1 " + std::to_string(handshake.status) + ' ', 0) == 0);
    check(answer.find("\r\n\r\n") == answer.size() - 4);
    check(handshake.status == 101 || handshake.status >= 400);
    check(answer.size() < 400);
  }
  return 0;
}
