#include "core/handle_table.h"

namespace runtime {

HandleTable::HandleTable(int harbor) : harbor_(static_cast<Handle>(harbor) & 0xff) {}

HandleTable::~HandleTable() {
  for (auto& page : pages_) delete[] page.load(std::memory_order_relaxed);
}

Mailbox* HandleTable::take_mailbox() {
  if (free_.empty()) {
    blocks_.push_back(std::make_unique<Mailbox[]>(kBlockMailboxes));
    for (std::size_t i = kBlockMailboxes; i-- > 0;) free_.push_back(&blocks_.back()[i]);
  }
  Mailbox* mailbox = free_.back();
  free_.pop_back();
  return mailbox;
}

bool HandleTable::add(Service* service, Handle* handle, Mailbox** mailbox) {
  std::lock_guard lock(mutex_);
  if (live_ == kLocalMask) return false;
  for (;;) {
    last_ = last_ == kLocalMask ? 1 : last_ + 1;
    auto& page = pages_[last_ / kPageSlots];
    if (page.load(std::memory_order_relaxed) == nullptr) {
      // Pairs with the acquire in find().
      page.store(new std::atomic<Mailbox*>[kPageSlots](), std::memory_order_release);
    }
    auto& slot = page.load(std::memory_order_relaxed)[last_ % kPageSlots];
    if (slot.load(std::memory_order_relaxed) != nullptr) continue;
    *handle = harbor_ << kHarborShift | last_;
    *mailbox = take_mailbox();
    (*mailbox)->open(*handle, service);
    slot.store(*mailbox, std::memory_order_release);  // pairs with the acquire in find()
    ++live_;
    return true;
  }
}

Mailbox* HandleTable::remove(Handle handle) {
  std::lock_guard lock(mutex_);
  Mailbox* mailbox = find(handle);
  if (mailbox == nullptr) return nullptr;
  pages_[(handle & kLocalMask) / kPageSlots]
      .load(std::memory_order_relaxed)[handle % kPageSlots]
      .store(nullptr, std::memory_order_relaxed);  // who finds nothing looks at nothing
  --live_;
  return mailbox;
}

void HandleTable::recycle(Mailbox* mailbox) {
  mailbox->reset();
  std::lock_guard lock(mutex_);
  free_.push_back(mailbox);
}

std::vector<Handle> HandleTable::list() const {
  std::lock_guard lock(mutex_);
  std::vector<Handle> handles;
  handles.reserve(live_);
  for (std::size_t p = 0; p < kPages; ++p) {
    const std::atomic<Mailbox*>* page = pages_[p].load(std::memory_order_relaxed);
    if (page == nullptr) continue;
    for (std::size_t i = 0; i < kPageSlots; ++i) {
      if (page[i].load(std::memory_order_relaxed) != nullptr) {
        handles.push_back(harbor_ << kHarborShift | static_cast<Handle>(p * kPageSlots + i));
      }
    }
  }
  return handles;
}

}  // namespace runtime
