#include "core/environment.h"

#include <mutex>

namespace runtime {

bool Environment::set(std::string_view key, std::string_view value) {
  const std::unique_lock lock(mutex_);
  return values_.emplace(key, value).second;
}

const char* Environment::get(std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : found->second.c_str();
}

}  // namespace runtime
