// From handles to mailboxes.
//
// Threads: find() from any thread, without a lock and without a write to shared memory: two loads.
//          The rest takes a mutex. A mailbox that find() gave stays valid memory for ever (see
//          Mailbox); whether it still belongs to the handle is decided by Mailbox::push.
// Reuse:   local ids go up from 1 and start again after 0xffffff; one in use is skipped.
// Memory:  8 bytes for each local id that was ever in use, in pages of 32 KB; a mailbox (128 bytes)
//          for each service of the largest number that lived at once.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "core/mailbox.h"

namespace runtime {

class HandleTable {
 public:
  explicit HandleTable(int harbor);
  ~HandleTable();
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // Sets a new handle, and a mailbox that is opened for `service`, before anybody can find them.
  // False if all 2^24 - 1 handles are taken.
  bool add(Service* service, Handle* handle, Mailbox** mailbox);

  // The mailbox that `handle` leads to, or null.
  Mailbox* find(Handle handle) const {
    // Both pair with the releases in add(): the slots of a page are empty, and a mailbox is open.
    const std::atomic<Mailbox*>* page =
        pages_[(handle & kLocalMask) / kPageSlots].load(std::memory_order_acquire);
    if (page == nullptr || handle >> kHarborShift != harbor_) return nullptr;
    return page[handle % kPageSlots].load(std::memory_order_acquire);
  }

  // Takes the handle out of the table; gives its mailbox to the one caller who came first, null to
  // all others.
  Mailbox* remove(Handle handle);

  // Gives a closed and emptied mailbox back for reuse.
  void recycle(Mailbox* mailbox);

  // The live handles, ascending.
  std::vector<Handle> list() const;

 private:
  static constexpr std::size_t kPageSlots = 4096;
  static constexpr std::size_t kPages = (kLocalMask + 1) / kPageSlots;
  static constexpr std::size_t kBlockMailboxes = 32;

  Mailbox* take_mailbox();

  const Handle harbor_;
  std::array<std::atomic<std::atomic<Mailbox*>*>, kPages> pages_{};  // a page, once there, stays
  mutable std::mutex mutex_;  // guards what follows, and writes to pages
  Handle last_ = 0;
  std::size_t live_ = 0;
  std::vector<Mailbox*> free_;
  std::vector<std::unique_ptr<Mailbox[]>> blocks_;
};

}  // namespace runtime
