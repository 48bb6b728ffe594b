#include "base/memory_reserve.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

namespace runtime {

namespace {

constexpr std::size_t kReserve = 32 * 1024 * 1024;  // of addresses: no page of it is ever used

std::atomic<bool> kept{false};        // keep_memory_reserve() was called
std::atomic<void*> reserve{nullptr};  // null: given up, or not kept

bool set_aside() {
  void* const begin =
      mmap(nullptr, kReserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) return false;
  void* nothing = nullptr;
  if (!reserve.compare_exchange_strong(nothing, begin))
    munmap(begin, kReserve);  // another thread was first
  return true;
}

// Whether a Lua heap may have `size` bytes, the reserve having been given up. jemalloc keeps the
// addresses of what is freed, so it is asked as well.
bool is_left(std::size_t size) {
  if (set_aside()) return true;
  void* const probe = std::malloc(size + kReserve / 4);
  std::free(probe);
  return probe != nullptr;
}

void* or_give_up(void* block) {
  if (block == nullptr) [[unlikely]]
    give_up_memory_reserve();
  return block;
}

bool refused(std::size_t size) {
  return reserve.load(std::memory_order_relaxed) == nullptr &&
         kept.load(std::memory_order_relaxed) && !is_left(size);
}

std::terminate_handler others_terminate = nullptr;

// The library's own handler tells the name of an exception.
void terminate() {
  try {
    if (std::current_exception() != nullptr) throw;
  } catch (const std::bad_alloc&) {
    end_without_memory();
  } catch (...) {
  }
  others_terminate();
}

}  // namespace

void keep_memory_reserve() {
  others_terminate = std::set_terminate(terminate);
  if (!set_aside()) return;
  kept.store(true);
  std::set_new_handler([] {
    if (!give_up_memory_reserve()) throw std::bad_alloc();
  });
}

void end_without_memory() {
  std::fputs("out of memory: the system gives this process no more (ulimit -v?)\n", stderr);
  std::abort();
}

bool give_up_memory_reserve() {
  void* const begin = reserve.exchange(nullptr);
  if (begin == nullptr) return false;
  munmap(begin, kReserve);
  return true;
}

void* heap_malloc(std::size_t size) {
  if (refused(size)) [[unlikely]]
    return nullptr;
  return or_give_up(std::malloc(size));
}

void* heap_realloc(void* block, std::size_t size) {
  if (refused(size)) [[unlikely]]
    return nullptr;
  return or_give_up(std::realloc(block, size));
}

}  // namespace runtime
