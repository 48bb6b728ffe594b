// A thread, or the reason why the system has none: a limit of the user or of a container counts them. The constructor of
// std::thread would throw, and nobody catches that.
#pragma once

#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>

namespace runtime {

// Makes jemalloc set up what it keeps for this thread. A thread that allocates for the first time
// when there is no memory ends the process by SIGSEGV.
inline void prepare_thread_for_malloc() {
  void* volatile block = std::malloc(64);
  std::free(block);
}

// Makes `thread`, which runs nothing, run `body`. 0, or the system's error number.
template <class Body>
[[nodiscard]] int start_thread(std::thread& thread, Body&& body) noexcept {
  try {
    thread = std::thread([body = std::forward<Body>(body)]() mutable {
      prepare_thread_for_malloc();
      body();
    });
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

}  // namespace runtime
