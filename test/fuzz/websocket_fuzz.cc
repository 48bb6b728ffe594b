// The WebSocket decoder, fed with any bytes in any pieces. Whatever comes, it must give the same
// events in small pieces as in one, and hold no more than it promises.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "websocket/decoder.h"

namespace {

using runtime::websocket::Decoder;

constexpr std::size_t kMax = 600;

void check(bool condition) {
  if (!condition) std::abort();
}

// Appends the events so far as text; false when the decoder has failed.
bool drain(Decoder& decoder, std::string& events) {
  for (;;) {
    const Decoder::Event event = decoder.next();
    if (event.kind == Decoder::Event::Kind::incomplete) return true;
    events += std::to_string(event.opcode);
    check(!event.is_compressed || !runtime::websocket::is_control(event.opcode));
    if (event.is_compressed) events += 'c';
    events.append(event.text);
    if (event.kind == Decoder::Event::Kind::error) return false;
    check(event.text.size() <= kMax);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 16 + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  std::string whole_events;
  const bool takes_compressed = (data[0] & 16) != 0;
  Decoder whole(kMax, Decoder::Rules::any_mask, takes_compressed);
  whole.feed(bytes);
  drain(whole, whole_events);

  std::string piece_events;
  Decoder pieces(kMax, Decoder::Rules::any_mask, takes_compressed);
  bool good = true;
  for (std::size_t i = 0; good && i < bytes.size(); i += piece) {
    pieces.feed(bytes.substr(i, piece));
    good = drain(pieces, piece_events);
    check(pieces.held() <= 2 * kMax + 14 + piece);
  }
  check(whole_events == piece_events);
  check(whole.held() == pieces.held());
  return 0;
}
