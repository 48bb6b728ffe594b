#include "cluster/name_table.h"

#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace runtime::cluster {

namespace {

struct Table {
  std::shared_mutex mutex;
  std::map<std::string, std::uint32_t, std::less<>> by_name;
  std::unordered_map<std::uint32_t, std::string> by_handle;
};

Table& table() {
  static Table* const instance = new Table;  // services may use it until the process has ended
  return *instance;
}

}  // namespace

bool register_name(std::string_view name, std::uint32_t handle, std::string* dropped) {
  Table& names = table();
  const std::unique_lock lock(names.mutex);
  if (names.by_name.find(name) != names.by_name.end()) return false;
  std::string& own = names.by_handle[handle];
  if (!own.empty()) {
    names.by_name.erase(own);
    *dropped = own;
  }
  own = name;
  names.by_name.emplace(name, handle);
  return true;
}

std::uint32_t unregister_name(std::string_view name) {
  Table& names = table();
  const std::unique_lock lock(names.mutex);
  const auto found = names.by_name.find(name);
  if (found == names.by_name.end()) return 0;
  const std::uint32_t handle = found->second;
  names.by_handle.erase(handle);
  names.by_name.erase(found);
  return handle;
}

std::uint32_t find_name(std::string_view name) {
  Table& names = table();
  const std::shared_lock lock(names.mutex);
  const auto found = names.by_name.find(name);
  return found == names.by_name.end() ? 0 : found->second;
}

}  // namespace runtime::cluster
