// The services that have ended since the I/O threads last looked for what they left behind.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/message.h"

namespace runtime {

class DeadOwners {
 public:
  // Looking means to go through all ids, so those that end together share one look.
  static constexpr std::int64_t kGatherMs = 50;

  // True: it is the first one since take(), so somebody must be told.
  [[nodiscard]] bool add(Handle handle) {
    const std::lock_guard lock(mutex_);
    handles_.push_back(handle);
    return handles_.size() == 1;
  }

  // All since the last call, in ascending order.
  std::vector<Handle> take() {
    std::vector<Handle> handles;
    {
      const std::lock_guard lock(mutex_);
      handles = std::exchange(handles_, {});
    }
    std::sort(handles.begin(), handles.end());
    return handles;
  }

 private:
  std::mutex mutex_;
  std::vector<Handle> handles_;  // guarded by mutex_
};

}  // namespace runtime
