#include "core/name_table.h"

#include <mutex>

namespace runtime {

bool NameTable::add(std::string_view name, Handle handle) {
  const std::unique_lock lock(mutex_);
  const auto [place, added] = handles_.try_emplace(std::string(name), handle);
  if (added) names_[handle].push_back(place->first);
  return added;
}

Handle NameTable::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = handles_.find(name);
  return found == handles_.end() ? 0 : found->second;
}

void NameTable::remove_all(Handle handle) {
  {
    // Most services die without a name: they must not stop the readers.
    const std::shared_lock lock(mutex_);
    if (!names_.contains(handle)) return;
  }
  const std::unique_lock lock(mutex_);
  const auto found = names_.find(handle);
  if (found == names_.end()) return;
  for (const std::string_view name : found->second) handles_.erase(handles_.find(name));
  names_.erase(found);
}

}  // namespace runtime
