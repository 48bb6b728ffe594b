#include "core/mailbox.h"

#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/memory_ledger.h"
#include "core/service.h"

namespace runtime {

namespace {
constexpr std::uint32_t kFirstCapacity = 2;
constexpr std::uint32_t kIdleCapacity = 32;  // what an idle mailbox may keep: 768 bytes a buffer
}  // namespace

void Mailbox::Buffer::grow() {
  // A sender grows it, the receiver frees it: it is on no service's account.
  take_bytes(block_bytes(data));
  capacity = capacity ? capacity * 2 : kFirstCapacity;
  data = static_cast<Message*>(std::realloc(data, capacity * sizeof(Message)));
  RUNTIME_CHECK(data != nullptr, "out of memory");
  give_bytes(block_bytes(data));
}

void Mailbox::Buffer::release() {
  take_bytes(block_bytes(data));
  std::free(data);
  *this = {};
}

Mailbox::~Mailbox() {
  incoming_.release();
  batch_.release();
}

Mailbox::Pushed Mailbox::push(Handle to, const Message& message) {
  std::lock_guard lock(mutex_);
  if (handle_ != to) [[unlikely]]
    return Pushed::refused;
  if (!running_) {
    // No worker has the service, so that its side is ours: pop() need not lock.
    running_ = true;
    batch_.append(message);
    return Pushed::must_run;
  }
  incoming_.append(message);
  arrived_.store(incoming_.size, std::memory_order_relaxed);
  return Pushed::queued;
}

bool Mailbox::refill(std::size_t* size) {
  next_ = batch_.size = 0;
  // become_idle() looks again, under the lock.
  if (arrived_.load(std::memory_order_relaxed) == 0) return false;
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
  if (batch_.capacity > kIdleCapacity) batch_.release();
  std::lock_guard lock(mutex_);
  if (incoming_.size != 0 || handle_ == 0) return false;
  if (incoming_.capacity > kIdleCapacity) incoming_.release();
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
  incoming_.release();
  batch_.release();
  next_ = 0;
  service_ = nullptr;
}

}  // namespace runtime
