// Threads that run off the end of their stack: a C module or a C service that calls itself without
// end. The process ends by SIGSEGV, as it would anyway; this tells before which service it was.
//
// Only the standard error hears of it: on what is left of such a process nothing else is safe. A
// function whose locals take more than the guard area may jump over it, and is not told.
//
// Threads: tell_stack_overflows() before there are others; a StackGuard is its thread's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace runtime {

// For the process, once. Without it a StackGuard does nothing. The sanitizers have a handler of
// their own, which is left alone.
void tell_stack_overflows();

class StackGuard {
 public:
  // `running` gives the handle of the service that runs on this thread, 0 for none. It is called
  // in a signal handler.
  explicit StackGuard(std::uint32_t (*running)());
  ~StackGuard();
  StackGuard(const StackGuard&) = delete;
  StackGuard& operator=(const StackGuard&) = delete;

 private:
  std::unique_ptr<char[]> stack_;  // that the handler runs on: the thread's own is used up
};

}  // namespace runtime
