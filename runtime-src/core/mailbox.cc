#include "core/mailbox.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/memory_ledger.h"
#include "base/memory_reserve.h"
#include "core/service.h"

namespace runtime {

namespace {
constexpr std::uint32_t kFirstCapacity = 2;
constexpr std::uint32_t kIdleCapacity = 32;  // what an idle mailbox may keep: 768 bytes a buffer
constexpr std::uint8_t kCalm = 16;           // times it was idle before which few messages came
}  // namespace

// A sender grows it, the receiver frees it: it is on no service's account.
void Mailbox::grow(Buffer& buffer) {
  const bool is_own = buffer.data == own_;
  if (!is_own) take_bytes(block_bytes(buffer.data));
  buffer.capacity = buffer.capacity ? buffer.capacity * 2 : kFirstCapacity;
  void* const data = needed([&] {
    return std::realloc(is_own ? nullptr : buffer.data, buffer.capacity * sizeof(Message));
  });
  give_bytes(block_bytes(data));
  buffer.data = static_cast<Message*>(data);
  settle_ = true;
  if (is_own) std::copy_n(own_, buffer.size, buffer.data);
}

void Mailbox::release(Buffer& buffer) {
  if (buffer.data != own_) {
    take_bytes(block_bytes(buffer.data));
    std::free(buffer.data);
  }
  buffer = {};
}

Mailbox::~Mailbox() {
  release(incoming_);
  release(batch_);
}

Mailbox::Pushed Mailbox::push_all(Handle to, std::span<const Message> messages) {
  return push_with(to, [&](Buffer& buffer) {
    for (const Message& message : messages) append(buffer, message);
  });
}

bool Mailbox::refill(std::size_t* size) {
  next_ = batch_.size = 0;
  if (!has_arrived()) return false;  // become_idle() looks again, under the lock
  std::lock_guard lock(mutex_);
  std::swap(incoming_, batch_);
  settle_ = true;
  if (batch_.size > kOwnRoom) calm_ = 0;
  arrived_.store(0, std::memory_order_relaxed);
  *size = batch_.size;
  return true;
}

std::size_t Mailbox::size() const {
  std::lock_guard lock(mutex_);
  return incoming_.size + (batch_.size - next_);
}

bool Mailbox::become_idle() {
  if (next_ != batch_.size) return false;
  next_ = batch_.size = 0;
  std::lock_guard lock(mutex_);
  if (has_arrived() || handle_ == 0) return false;
  if (settle_) [[unlikely]]
    settle();
  running_ = false;
  return true;
}

// Gives back large buffers. And one message goes to batch_ next: the mailbox's own room is enough for it. If both buffers
// have grown, that is used again when few messages have come at a time for a while.
void Mailbox::settle() {
  if (batch_.capacity > kIdleCapacity) release(batch_);
  if (incoming_.capacity > kIdleCapacity) release(incoming_);
  if (incoming_.data == own_) std::swap(incoming_, batch_);
  if (batch_.data != own_ && ++calm_ >= kCalm) release(batch_);
  if (batch_.capacity == 0) batch_ = {own_, 0, kOwnRoom};
  settle_ = batch_.data != own_;
}

void Mailbox::open(Handle handle, Service* service) {
  std::lock_guard lock(mutex_);
  RUNTIME_CHECK(handle_ == 0 && service_ == nullptr, "the mailbox is in use");
  handle_ = handle;
  service_ = service;
  running_ = true;
}

bool Mailbox::close() {
  std::lock_guard lock(mutex_);
  RUNTIME_CHECK(handle_ != 0, "the mailbox is closed already");
  handle_ = 0;
  const bool idle = !std::exchange(running_, true);
  service_->set_retired();  // last: a worker that sees it may recycle this mailbox at once
  return idle;
}

Service* Mailbox::acquire(Handle handle) {
  std::lock_guard lock(mutex_);
  if (handle_ != handle) return nullptr;
  service_->hold();
  return service_;
}

void Mailbox::reset() {
  RUNTIME_CHECK(next_ == batch_.size && incoming_.size == 0, "messages would be lost");
  release(incoming_);
  release(batch_);
  batch_ = {own_, 0, kOwnRoom};
  settle_ = false;
  calm_ = 0;
  next_ = 0;
  service_ = nullptr;
}

}  // namespace runtime
