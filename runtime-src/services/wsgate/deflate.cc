#include "services/wsgate/deflate.h"

#include <algorithm>
#include <climits>

#include "base/check.h"

namespace runtime::wsgate {

namespace {

// Negative: raw deflate, without zlib's header.
constexpr int kReceiveWindow = -15;  // whatever the client chose
// Far less memory than zlib's defaults (15 and 8, 256 KB); small messages compress as well.
constexpr int kSendWindow = -12;
constexpr int kSendMemory = 5;
constexpr int kLevel = 4;

// What a flush ends with. It is not sent; the receiver puts it back.
constexpr unsigned char kTail[4] = {0x00, 0x00, 0xff, 0xff};

void grow(Block* block, std::size_t* capacity, std::size_t most) {
  *capacity = std::min(most, *capacity * 2);
  auto* larger = static_cast<char*>(std::realloc(block->release(), *capacity));
  RUNTIME_CHECK(larger != nullptr, "out of memory");
  block->reset(larger);
}

void give(z_stream* stream, const void* bytes, std::size_t size) {
  // zlib does not write through this pointer, but its type is older than const.
  stream->next_in = const_cast<unsigned char*>(static_cast<const unsigned char*>(bytes));
  stream->avail_in = static_cast<unsigned>(size);
}

}  // namespace

Deflate::~Deflate() {
  if (receives_) inflateEnd(&receiver_);
  if (sends_) deflateEnd(&sender_);
}

Deflate::Result Deflate::inflate(std::string_view message, std::size_t max, Block* out,
                                 std::size_t* size) noexcept {
  RUNTIME_CHECK(message.size() <= INT_MAX && max < INT_MAX,
                "a message is smaller than what zlib counts to");
  if (!receives_) {
    RUNTIME_CHECK(inflateInit2(&receiver_, kReceiveWindow) == Z_OK, "out of memory");
    receives_ = true;
  } else if (forgets_received_) {
    inflateReset(&receiver_);
  }
  // One byte more than allowed tells that there is more, and is where the zero goes.
  const std::size_t most = max + 1;
  std::size_t capacity = std::max<std::size_t>(message.size(), 64);
  std::size_t filled = 0;
  grow(out, &capacity, most);

  give(&receiver_, message.data(), message.size());
  bool is_tail = false;
  for (;;) {
    if (filled == capacity) {
      if (capacity == most) return Result::too_large;
      grow(out, &capacity, most);
    }
    receiver_.next_out = reinterpret_cast<unsigned char*>(out->get()) + filled;
    receiver_.avail_out = static_cast<unsigned>(capacity - filled);
    const int status = ::inflate(&receiver_, Z_SYNC_FLUSH);
    filled = capacity - receiver_.avail_out;
    if (status == Z_STREAM_END) {
      // A block that is marked as the last one: allowed, and the next message begins anew.
      inflateReset(&receiver_);
      if (receiver_.avail_in > 0) continue;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      return Result::malformed;
    }
    if (receiver_.avail_out == 0) continue;  // there may be more to come out of the same input
    if (receiver_.avail_in > 0) return Result::malformed;
    if (is_tail || status == Z_STREAM_END) break;
    is_tail = true;
    give(&receiver_, kTail, sizeof kTail);
  }
  if (filled == most) return Result::too_large;
  out->get()[filled] = '\0';
  *size = filled;
  return Result::ok;
}

void Deflate::deflate(std::string_view message, std::vector<unsigned char>* out) noexcept {
  RUNTIME_CHECK(message.size() <= INT_MAX, "a message is smaller than what zlib counts to");
  if (!sends_) {
    RUNTIME_CHECK(deflateInit2(&sender_, kLevel, Z_DEFLATED, kSendWindow, kSendMemory,
                               Z_DEFAULT_STRATEGY) == Z_OK,
                  "out of memory");
    sends_ = true;
  } else if (forgets_sent_) {
    deflateReset(&sender_);
  }
  if (message.empty()) {  // zlib flushes nothing when nothing has come since the last flush
    out->push_back(kTail[0]);
    return;
  }
  const std::size_t start = out->size();
  std::size_t room = message.size() / 2 + 64;
  std::size_t filled = start;
  give(&sender_, message.data(), message.size());
  do {
    out->resize(filled + room);
    sender_.next_out = out->data() + filled;
    sender_.avail_out = static_cast<unsigned>(room);
    ::deflate(&sender_, Z_SYNC_FLUSH);
    filled += room - sender_.avail_out;
    room *= 2;
  } while (sender_.avail_out == 0);
  out->resize(filled - sizeof kTail);
}

}  // namespace runtime::wsgate
