#include "base/stack_guard.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace runtime {

namespace {

// The kernel puts all registers there; AVX-512 alone takes 3 KB of them.
constexpr std::size_t kHandlerStack = 32 * 1024;
// A function touches its frame somewhere: so far from the end of the stack it may be.
constexpr std::uintptr_t kFrame = 64 * 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

using Running = std::uint32_t (*)();

constinit thread_local Running running_service = nullptr;
constinit thread_local std::uintptr_t stack_end = 0;  // its lowest address
std::atomic<bool> told{false};                        // threads may fall together

// Only functions that a signal handler may call.
void on_fault(int number, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const bool overflow =
      stack_end != 0 && address + kFrame >= stack_end && address < stack_end + kFrame;
  if (overflow && !told.exchange(true)) {
    char line[] =
        "[:00000000] stack overflow in C: a C function of this service has called itself too "
        "deep\n";
    std::uint32_t handle = running_service();
    for (char* digit = line + 9; digit > line + 1; --digit, handle >>= 4)
      *digit = "0123456789abcdef"[handle & 15];
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
  }
  // The instruction runs once more, and ends the process as if nobody had looked.
  signal(number, SIG_DFL);
}

bool installed = false;

}  // namespace

void tell_stack_overflows() {
  if (kSanitized) return;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  installed = sigaction(SIGSEGV, &action, nullptr) == 0;
}

StackGuard::StackGuard(std::uint32_t (*running)()) {
  pthread_attr_t attributes;
  if (!installed || pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  void* begin = nullptr;
  std::size_t size = 0;
  pthread_attr_getstack(&attributes, &begin, &size);
  pthread_attr_destroy(&attributes);
  stack_ = std::make_unique<char[]>(kHandlerStack);
  stack_t handler_stack{};
  handler_stack.ss_sp = stack_.get();
  handler_stack.ss_size = kHandlerStack;
  if (sigaltstack(&handler_stack, nullptr) != 0) return;
  running_service = running;
  stack_end = reinterpret_cast<std::uintptr_t>(begin);
}

StackGuard::~StackGuard() {
  if (stack_ == nullptr) return;
  stack_end = 0;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
}

}  // namespace runtime
