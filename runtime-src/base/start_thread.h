// A thread, or the reason why the system has none: a limit of the user or of a container counts them. The constructor of
// std::thread would throw, and nobody catches that.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

namespace runtime {

// Makes `thread`, which runs nothing, run `body`. 0, or the system's error number.
template <class Body>
[[nodiscard]] int start_thread(std::thread& thread, Body&& body) noexcept {
  try {
    thread = std::thread(std::forward<Body>(body));
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

}  // namespace runtime
