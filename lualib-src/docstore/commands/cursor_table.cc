#include "docstore/commands/cursor_table.h"

#include <cstring>
#include <utility>

#include "docstore/storage/random.h"

namespace runtime::docstore {

std::int64_t CursorTable::add(std::unique_ptr<Cursor> cursor) {
  if (cursors_.size() >= kMostCursors || bytes() + cursor->ready_bytes > kMostCursorBytes) return 0;
  std::int64_t id = 0;
  while (id == 0 || cursors_.contains(id)) {
    std::memcpy(&id, random_bytes(sizeof id).data(), sizeof id);
    id &= 0x1fffffffffffff;  // what a double has exactly: not every client knows 64 bits
  }
  cursor->id = id;
  cursor->last_used = std::chrono::steady_clock::now();
  cursors_.emplace(id, std::move(cursor));
  return id;
}

Cursor* CursorTable::find(std::int64_t id) {
  const auto found = cursors_.find(id);
  if (found == cursors_.end()) return nullptr;
  found->second->last_used = std::chrono::steady_clock::now();
  return found->second.get();
}

bool CursorTable::remove(std::int64_t id) { return cursors_.erase(id) == 1; }

void CursorTable::remove_all_of(std::int64_t collection_id) {
  std::erase_if(cursors_, [collection_id](const auto& entry) {
    return entry.second->collection_id == collection_id;
  });
}

void CursorTable::remove_unused(std::chrono::steady_clock::time_point now) {
  timed_out_ += std::erase_if(cursors_, [now](const auto& entry) {
    return !entry.second->never_times_out && now - entry.second->last_used > kCursorLife;
  });
}

std::size_t CursorTable::bytes() const {
  std::size_t sum = 0;
  for (const auto& [id, cursor] : cursors_) sum += cursor->ready_bytes;
  return sum;
}

}  // namespace runtime::docstore
