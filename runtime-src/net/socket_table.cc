#include "net/socket_table.h"

#include "base/check.h"

namespace runtime {

SocketTable::SocketTable(std::uint32_t slots)
    : mask_(slots - 1), slots_(std::make_unique<std::atomic<Socket*>[]>(slots)) {
  RUNTIME_CHECK(slots > 0 && (slots & mask_) == 0, "the number of slots is a power of two");
}

Socket* SocketTable::reserve() {
  Socket* socket;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      all_.push_back(std::make_unique<Socket>());
      free_.push_back(all_.back().get());
    }
    socket = free_.back();
    free_.pop_back();
  }
  for (std::uint32_t tries = 0; tries <= mask_; ++tries) {
    const int id = static_cast<int>((last_id_.fetch_add(1) + 1) & 0x7fffffff);
    if (id == 0) continue;
    std::atomic<Socket*>& slot = slots_[static_cast<std::uint32_t>(id) & mask_];
    if (slot.load(std::memory_order_relaxed) != nullptr) continue;
    {
      const Socket::Lock lock(socket->mutex);
      socket->reset(id);
    }
    Socket* none = nullptr;
    // Release pairs with find().
    if (slot.compare_exchange_strong(none, socket, std::memory_order_release)) return socket;
  }
  const std::lock_guard lock(mutex_);
  free_.push_back(socket);
  return nullptr;
}

void SocketTable::release(Socket& socket) {
  {
    const Socket::Lock lock(socket.mutex);
    const auto id = static_cast<std::uint32_t>(socket.id.load(std::memory_order_relaxed));
    // Pairs with the acquire of who looks for the id: where it is gone, so is what was done with its descriptor.
    slots_[id & mask_].store(nullptr, std::memory_order_release);
    socket.reset(0);
  }
  const std::lock_guard lock(mutex_);
  free_.push_back(&socket);
}

}  // namespace runtime
