// The table of strings that a node's config fills: what skynet.getenv() reads.
//
// Threads: all functions from any thread.
// A value never changes once it is set, which is why get() can hand out a pointer.
#pragma once

#include <functional>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace runtime {

class Environment {
 public:
  // False when `key` is set already; the old value stays.
  bool set(std::string_view key, std::string_view value);

  // The value, valid as long as the Environment; null when `key` is not set. A value with a zero
  // byte seems to end there.
  const char* get(std::string_view key) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::string, std::less<>> values_;  // guarded by mutex_
};

}  // namespace runtime
