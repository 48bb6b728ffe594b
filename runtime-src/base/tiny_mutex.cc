#include "base/tiny_mutex.h"

namespace runtime {

void TinyMutex::lock_slowly() {
  constexpr int kSpins = 64;  // about the time of a critical section on another core
  for (int i = 0; i < kSpins; ++i) {
    if (state_.load(std::memory_order_relaxed) == kFree && try_lock()) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  while (state_.exchange(kHeldWithSleepers, std::memory_order_acquire) != kFree) {
    futex_wait(state_, kHeldWithSleepers);
  }
}

}  // namespace runtime
