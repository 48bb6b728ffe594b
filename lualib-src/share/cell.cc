#include "share/cell.h"

namespace runtime::share {

void* CellHandles::add(std::shared_ptr<Cell> cell) noexcept {
  const std::lock_guard lock(mutex_);
  void* handle = cell.get();
  waiting_.emplace(handle, std::move(cell));
  return handle;
}

std::shared_ptr<Cell> CellHandles::take(const void* handle) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(handle);
  if (found == waiting_.end()) return nullptr;
  std::shared_ptr<Cell> cell = std::move(found->second);
  waiting_.erase(found);
  return cell;
}

CellHandles& cell_handles() noexcept {
  // Never destroyed: services may end after the process's static objects.
  static auto* const handles = new CellHandles;
  return *handles;
}

}  // namespace runtime::share
