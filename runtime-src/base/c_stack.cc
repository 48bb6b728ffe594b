#include "base/c_stack.h"

#include <pthread.h>

namespace runtime {

namespace {

constexpr std::size_t kStack = 16 * 1024 * 1024;

// A coroutine of LuaJIT holds 65,500 values. Functions in C that nobody asks (string.format with a
// __tostring, say) take at least 8 of them and at most 400 bytes of stack for each call into Lua,
// which comes to 3.3 MB.
constexpr std::size_t kReserve = 4 * 1024 * 1024;

// The lowest address that may be in use when somebody asks; null until it is known.
constinit thread_local const char* lowest = nullptr;

[[gnu::noinline]] void find_lowest() {
  pthread_attr_t attributes;
  void* begin = nullptr;
  std::size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstack(&attributes, &begin, &size);
    pthread_attr_destroy(&attributes);
  }
  // On a stack smaller than the reserve half of it has to do.
  lowest = static_cast<const char*>(begin) + (size > 2 * kReserve ? kReserve : size / 2);
}

}  // namespace

void use_large_stacks() {
  pthread_attr_t attributes;
  if (pthread_getattr_default_np(&attributes) != 0) return;
  std::size_t size = 0;
  pthread_attr_getstacksize(&attributes, &size);
  if (size < kStack && pthread_attr_setstacksize(&attributes, kStack) == 0)
    pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

bool has_stack_left() {
  if (lowest == nullptr) [[unlikely]]
    find_lowest();
  return static_cast<const char*>(__builtin_frame_address(0)) > lowest;
}

}  // namespace runtime
