// The sockets of a server, and their ids.
//
// Ids go upwards from 1 to 2^31 - 1 and round again, so that an id is not seen for a long time
// after its end. An id's slot is the id modulo the number of slots; an id whose slot is in use is
// passed over.
//
// Threads: any. find() takes no lock and writes nothing.
// Memory:  8 bytes a slot (touched as ids come to it), and sizeof(Socket) for each of the largest
//          number of sockets that were in use at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "net/socket.h"

namespace runtime {

class SocketTable {
 public:
  // `slots` is a power of two: the number of sockets that there may be at once.
  explicit SocketTable(std::uint32_t slots);

  // A socket with a new id, that is `reserved`; null if all slots are in use.
  Socket* reserve();

  // The socket that has this id, or had it a moment ago: see socket.h. Null for other ids.
  Socket* find(int id) const {
    if (id <= 0) return nullptr;
    Socket* socket = slots_[static_cast<std::uint32_t>(id) & mask_].load(std::memory_order_acquire);
    return socket != nullptr && socket->id.load(std::memory_order_relaxed) == id ? socket : nullptr;
  }

  // Begins to fetch what a read of it needs: for who has several to look at.
  void fetch(int id) const {
    const Socket* socket =
        slots_[static_cast<std::uint32_t>(id) & mask_].load(std::memory_order_relaxed);
    if (socket == nullptr) return;
    __builtin_prefetch(socket);
    __builtin_prefetch(&socket->bytes_read, 1);
  }

  // Gives the id and the memory of a socket back. What it held has been closed.
  void release(Socket& socket);

  // Calls visit(Socket&) for every socket that is there; some may come or go meanwhile.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t i = 0; i <= mask_; ++i) {
      if (Socket* socket = slots_[i].load(std::memory_order_acquire)) visit(*socket);
    }
  }

 private:
  const std::uint32_t mask_;
  // The releases in reserve() and release() pair with the acquires of those that look.
  std::unique_ptr<std::atomic<Socket*>[]> slots_;
  std::atomic<std::uint32_t> last_id_{0};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Socket>> all_;  // guarded by mutex_
  std::vector<Socket*> free_;                 // guarded by mutex_; the last one freed is used next
};

}  // namespace runtime
