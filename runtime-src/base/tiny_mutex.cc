#include "base/tiny_mutex.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace runtime {

void TinyMutex::lock_slowly() {
  constexpr int kSpins = 64;  // about the time of a critical section on another core
  constexpr std::chrono::microseconds kFirstSleep{10}, kLastSleep{200};
  for (auto sleep = kFirstSleep;; sleep = std::min(sleep * 2, kLastSleep)) {
    for (int i = 0; i < kSpins; ++i) {
      if (!held_.load(std::memory_order_relaxed) && try_lock()) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    std::this_thread::sleep_for(sleep);
  }
}

}  // namespace runtime
