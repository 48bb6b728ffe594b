#include "core/debug_channel.h"

#include <chrono>
#include <unordered_set>

namespace runtime {

namespace {

// All channels, so that an address from Lua can be trusted.
struct Channels {
  std::mutex mutex;
  std::unordered_set<void*> live;  // guarded by mutex
};

Channels& channels() {
  static Channels& instance = *new Channels;  // services may use it until the process ends
  return instance;
}

}  // namespace

DebugChannel* DebugChannel::create() {
  auto* const channel = new DebugChannel;
  const std::lock_guard lock(channels().mutex);
  channels().live.insert(channel);
  return channel;
}

DebugChannel* DebugChannel::connect(void* address) {
  const std::lock_guard lock(channels().mutex);
  if (!channels().live.contains(address)) return nullptr;
  auto* const channel = static_cast<DebugChannel*>(address);
  if (channel->connected_) return nullptr;
  channel->connected_ = true;
  ++channel->ends_;
  return channel;
}

void DebugChannel::release() {
  {
    const std::lock_guard lock(channels().mutex);
    if (--ends_ > 0) return;
    channels().live.erase(this);
  }
  delete this;
}

void DebugChannel::write(std::string text) {
  {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
  }
  written_.notify_one();
}

bool DebugChannel::read(std::string* text, std::int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto has_text = [this] { return !texts_.empty(); };
  if (timeout_ms > 0) {
    written_.wait_for(lock, std::chrono::milliseconds(timeout_ms), has_text);
  }
  if (!has_text()) return false;
  *text = std::move(texts_.front());
  texts_.pop_front();
  return true;
}

}  // namespace runtime
