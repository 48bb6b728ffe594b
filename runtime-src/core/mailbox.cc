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
  if (batch_.capacity > kIdleCapacity) [[unlikely]]
    release(batch_);
  std::lock_guard lock(mutex_);
  if (incoming_.size != 0 || handle_ == 0) return false;
  if (incoming_.capacity > kIdleCapacity) [[unlikely]]
    release(incoming_);
  // One message goes there next. The mailbox's own room is enough for it, if that has not grown.
  if (incoming_.data == own_) {
    std::swap(incoming_, batch_);
  } else if (batch_.capacity == 0) {
    batch_ = {own_, 0, kOwnRoom};
  }
  running_ = false;
  return true;
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
  next_ = 0;
  service_ = nullptr;
}

}  // namespace runtime
