// What the messages of one Lua service lead to: waits, by their sessions, and sockets, by their ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lua/task.h"

namespace runtime::RUNTIME_ENGINE {

// From sessions to what a message of theirs is for: entries with a `session`, 0 in a free one. The only one, which most
// services have, has a place in the table itself. Others: open addressing with linear probing, a look-up is a
// multiplication and a cache line.
template <class TableEntry>
class SessionTable {
 public:
  using Entry = TableEntry;

  // In the place of what the session led to.
  void put(const Entry& entry) {
    if (only_.session == entry.session || (only_.session == 0 && used_ == 0)) {
      only_ = entry;
    } else {
      put_among_others(entry);
    }
  }
  // Null: nothing waits for it, as for session 0, which a program may answer.
  Entry* find(std::int32_t session) {
    if (session == 0) return nullptr;
    if (only_.session == session) return &only_;
    if (used_ == 0) return nullptr;
    for (std::size_t i = home(session);; i = (i + 1) & mask()) {
      if (entries_[i].session == session) return &entries_[i];
      if (entries_[i].session == 0) return nullptr;
    }
  }
  void erase(Entry* entry) {
    if (entry == &only_) {
      only_ = {};
      return;
    }
    // Moves later entries of the same run up, so that no look-up meets a gap before its goal.
    std::size_t gap = static_cast<std::size_t>(entry - entries_.data());
    for (std::size_t i = (gap + 1) & mask(); entries_[i].session != 0; i = (i + 1) & mask()) {
      const std::size_t distance = (i - home(entries_[i].session)) & mask();
      if (distance >= ((i - gap) & mask())) {
        entries_[gap] = entries_[i];
        gap = i;
      }
    }
    entries_[gap] = {};
    --used_;
  }
  // The places of entries; free ones, of session 0, among them.
  std::size_t places() const { return 1 + entries_.size(); }
  const Entry& place(std::size_t index) const { return index == 0 ? only_ : entries_[index - 1]; }

 private:
  void put_among_others(const Entry& entry) {
    if ((used_ + 1) * 4 > entries_.size() * 3) grow();
    std::size_t i = home(entry.session);
    while (entries_[i].session != 0 && entries_[i].session != entry.session) i = (i + 1) & mask();
    if (entries_[i].session == 0) ++used_;
    entries_[i] = entry;
  }
  std::size_t mask() const { return entries_.size() - 1; }
  std::size_t home(std::int32_t session) const {
    return (static_cast<std::uint32_t>(session) * 2654435769u >> 7) & mask();  // Fibonacci hashing
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? 4 : entries_.size() * 2);
    old.swap(entries_);
    used_ = 0;
    for (const Entry& entry : old) {
      if (entry.session != 0) put_among_others(entry);
    }
  }

  Entry only_;  // when it was put there were no others; those that come later do not move it
  std::vector<Entry> entries_;
  std::size_t used_ = 0;
};

// The task that waits for a message, or the function of a timer that is to begin then. A session may also be ended: its
// message, when it comes, is dropped.
struct WaitEntry {
  std::int32_t session = 0;
  std::int32_t function = 0;  // of TaskScheduler's pending functions; 0: none
  Task* task = nullptr;       // null, and no function: ended
};
using WaitTable = SessionTable<WaitEntry>;

// The buffer of a socket, whose id stands in the place of the session (core/socket_message.h).
struct StreamEntry {
  std::int32_t session = 0;
  AwaitedBytes* bytes = nullptr;
};
using StreamTable = SessionTable<StreamEntry>;

}  // namespace runtime::RUNTIME_ENGINE
