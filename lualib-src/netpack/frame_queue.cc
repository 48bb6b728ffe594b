#include "netpack/frame_queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace runtime::netpack {

namespace {

// A popped frame may keep the block it came in, if that does not waste more than this.
constexpr std::size_t kMaxWaste = 512;

char* allocate(std::size_t size) {
  void* block = std::malloc(size);
  RUNTIME_CHECK(block != nullptr, "out of memory");
  return static_cast<char*>(block);
}

std::size_t read_length(const char* header) {
  return static_cast<std::size_t>(static_cast<unsigned char>(header[0])) << 8 |
         static_cast<unsigned char>(header[1]);
}

// The size, with headers, of the whole frames at the start of `bytes`; *count of them.
std::size_t measure(std::string_view bytes, std::size_t* count) {
  std::size_t size = 0;
  *count = 0;
  while (bytes.size() - size >= kHeaderBytes) {
    const std::size_t frame = kHeaderBytes + read_length(bytes.data() + size);
    if (bytes.size() - size < frame) break;
    size += frame;
    ++*count;
  }
  return size;
}

}  // namespace

FrameQueue::Pushed FrameQueue::push(int id, char* block, std::size_t size,
                                    OwnedFrame* frame) noexcept {
  std::string_view bytes(block, size);
  std::optional<Run> finished;  // the frame that waited for the first of these bytes
  if (!partials_.empty()) {
    if (const auto found = partials_.find(id); found != partials_.end()) {
      if (!fill(found->second, bytes)) {
        std::free(block);
        return Pushed::nothing;
      }
      finished = Run{id, found->second.block, 0, found->second.total};
      partials_.erase(found);
    }
  }

  std::size_t count;
  const std::size_t whole = measure(bytes, &count);
  const std::size_t start = size - bytes.size();
  Run run{id, block, start, start + whole};
  const bool is_single = whole == bytes.size() && count + (finished ? 1 : 0) == 1;
  if (whole < bytes.size()) keep_rest(id, bytes.substr(whole));
  if (count == 0) std::free(block);
  if (is_single) {
    *frame = take(finished ? *finished : run);
    return Pushed::single;
  }
  if (finished) runs_.push_back(*finished);
  if (count > 0) runs_.push_back(run);
  return finished || count > 0 ? Pushed::queued : Pushed::nothing;
}

std::optional<OwnedFrame> FrameQueue::pop() noexcept {
  if (runs_.empty()) return std::nullopt;
  Run& run = runs_.front();
  const OwnedFrame frame = take(run);
  if (run.next == run.end) runs_.pop_front();
  return frame;
}

void FrameQueue::forget(int id) noexcept {
  const auto found = partials_.find(id);
  if (found == partials_.end()) return;
  std::free(found->second.block);
  partials_.erase(found);
}

void FrameQueue::clear() noexcept {
  for (const auto& [id, partial] : partials_) std::free(partial.block);
  partials_.clear();
  for (const Run& run : runs_) std::free(run.block);
  runs_.clear();
}

bool FrameQueue::fill(Partial& partial, std::string_view& bytes) {
  if (bytes.empty()) return false;
  if (partial.block == nullptr) {
    const char header[kHeaderBytes] = {partial.first, bytes.front()};
    bytes.remove_prefix(1);
    partial.total = kHeaderBytes + read_length(header);
    partial.block = allocate(partial.total);
    std::memcpy(partial.block, header, kHeaderBytes);
    partial.filled = kHeaderBytes;
  }
  const std::size_t more = std::min(bytes.size(), partial.total - partial.filled);
  std::memcpy(partial.block + partial.filled, bytes.data(), more);
  partial.filled += more;
  bytes.remove_prefix(more);
  return partial.filled == partial.total;
}

void FrameQueue::keep_rest(int id, std::string_view rest) {
  Partial& partial = partials_[id];
  partial.first = rest.front();
  rest.remove_prefix(1);
  fill(partial, rest);
}

OwnedFrame FrameQueue::take(Run& run) {
  char* const payload = run.block + run.next + kHeaderBytes;
  const std::size_t size = read_length(run.block + run.next);
  const std::size_t block_size = run.end;
  run.next += kHeaderBytes + size;
  if (run.next == run.end && block_size - size <= size + kMaxWaste) {
    std::memmove(run.block, payload, size);
    return {run.id, run.block, size};
  }
  char* copy = allocate(std::max<std::size_t>(size, 1));
  std::memcpy(copy, payload, size);
  if (run.next == run.end) std::free(run.block);
  return {run.id, copy, size};
}

}  // namespace runtime::netpack
