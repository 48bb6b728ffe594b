// How much memory from malloc each service holds: messages, buffers, objects of C modules.
//
// jemalloc counts, for each thread, the bytes it has ever allocated and freed. While a thread works
// for a service, the change of their difference is the service's. What changes hands without malloc
// is noted: payloads when they are sent and received, and what is on nobody's account (the heaps of
// Lua states).
//
// The sanitizers' allocators count for the process only. Built with them, current() adds what the process has allocated since
// the service's turn began, if that is more than it has freed, and bytes() tells what the service was made with.
#pragma once

#include <malloc.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace runtime {

// The bytes that malloc has set aside for `block`; 0 for null.
inline std::size_t block_bytes(const void* block) {
  return malloc_usable_size(const_cast<void*>(block));
}

// Notes that this thread gives (or takes) memory that it has not freed (or allocated).
inline constinit thread_local std::int64_t bytes_given = 0;
inline void give_bytes(std::size_t bytes) { bytes_given += static_cast<std::int64_t>(bytes); }
inline void take_bytes(std::size_t bytes) { bytes_given -= static_cast<std::int64_t>(bytes); }

// malloc() of a block that is given at once, and free() of one that nobody has taken. `size` is not 0.
void* allocate_given(std::size_t size);
// block_bytes() of a block from allocate_given(size).
std::size_t given_bytes(const void* block, std::size_t size);
void free_given(void* block);

// free_given() of a block that has been allocated for `size` bytes or more: the thread keeps small ones, about a thousand of
// each size, for its next allocate_given(). So most messages need neither malloc() nor free().
void reuse_given(void* block, std::size_t size);
// Frees what the thread keeps so, before it ends.
void drop_spare_blocks();

// The account of one service.
//
// Threads: enter(), leave() and current() from the worker that runs the service; bytes() from any.
class MemoryLedger {
 public:
  // `own`: what the service costs before it allocates anything.
  explicit MemoryLedger(std::size_t own) : bytes_(static_cast<std::int64_t>(own)) {}

  // The thread begins, and ends, to work for the service.
  void enter() { mark_ = held_by_thread(); }
  void leave() {
    if (kExact) bytes_.store(current(), std::memory_order_relaxed);
  }

  // Between enter() and leave().
  std::int64_t current() const {
    const std::int64_t change = held_by_thread() - mark_;
    return bytes() + (kExact || change > 0 ? change : 0);
  }

  // As of the latest leave().
  std::int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  friend void* allocate_new_given(std::size_t size);
  friend void free_given(void* block);
  static std::int64_t held_by_thread();

#ifdef RUNTIME_JEMALLOC
  static constexpr bool kExact = true;

  // Volatile, as compilers take it that malloc() and free() change nothing else that one can read.
  struct Counters {
    const volatile std::uint64_t* allocated;
    const volatile std::uint64_t* freed;
  };
  static inline constinit thread_local Counters counters_{};
  static const Counters& counters() {
    if (counters_.allocated == nullptr) [[unlikely]]
      find_counters();
    return counters_;
  }
  static void find_counters();
#else
  static constexpr bool kExact = false;
#endif

  // May be below 0: for a service that frees what others forgot to note.
  std::atomic<std::int64_t> bytes_;
  std::int64_t mark_ = 0;
};

#ifdef RUNTIME_JEMALLOC
inline std::int64_t MemoryLedger::held_by_thread() {
  const Counters& now = counters();
  return static_cast<std::int64_t>(*now.allocated - *now.freed) - bytes_given;
}

// Blocks of one size that a thread keeps. They are on no account, as each was given when its last holder sent it.
struct SpareBlocks {
  // The most, a multiple of kStretch but for 1. At the end of each stretch one is looked at: others may send a few bytes at
  // the beginning of a large block, of which not many are to be kept.
  static constexpr std::uint32_t kMost = 1023, kStretch = 16;
  static constexpr std::size_t kMostBytes = 128;  // of a block

  // The place of jemalloc's size class for `size` bytes, of which there is one at most: 8, 16, 32, 48, ...
  static constexpr std::size_t place(std::size_t size) { return size <= 8 ? 0 : (size + 15) / 16; }
  static constexpr std::size_t bytes(std::size_t place) { return place == 0 ? 8 : 16 * place; }

  bool has_room_for(const void* block, std::size_t at) const {
    return count % kStretch != kStretch - 1 || (count != kMost && block_bytes(block) == bytes(at));
  }

  // The block that was kept last. There is one.
  void* take() {
    void* const block = first;
    std::memcpy(&first, block, sizeof block);
    --count;
    return block;
  }
  void keep(void* block) {
    std::memcpy(block, &first, sizeof block);
    first = block;
    ++count;
  }

  void* first = nullptr;  // begins with the pointer to the next
  std::uint32_t count = 0;
};
inline constinit thread_local std::array<SpareBlocks,
                                         SpareBlocks::place(SpareBlocks::kMostBytes) + 1>
    spare_blocks{};

// jemalloc's counters tell the size for less than a look-up of the block.
[[gnu::noinline]] inline void* allocate_new_given(std::size_t size) {
  const volatile std::uint64_t* const allocated = MemoryLedger::counters().allocated;
  const std::uint64_t before = *allocated;
  void* const block = std::malloc(size);
  give_bytes(*allocated - before);
  return block;
}
[[gnu::always_inline]] inline void* allocate_given(std::size_t size) {
  if (size > SpareBlocks::kMostBytes) [[unlikely]]
    return allocate_new_given(size);
  SpareBlocks& spare = spare_blocks[SpareBlocks::place(size)];
  if (spare.first == nullptr) [[unlikely]]
    return allocate_new_given(size);
  return spare.take();
}
inline std::size_t given_bytes(const void* block, std::size_t size) {
  return size <= SpareBlocks::kMostBytes ? SpareBlocks::bytes(SpareBlocks::place(size))
                                         : block_bytes(block);
}
inline void free_given(void* block) {
  const volatile std::uint64_t* const freed = MemoryLedger::counters().freed;
  const std::uint64_t before = *freed;
  std::free(block);
  take_bytes(*freed - before);
}
inline void reuse_given(void* block, std::size_t size) {
  if (size - 1 >= SpareBlocks::kMostBytes) return free_given(block);  // also of 0
  const std::size_t place = SpareBlocks::place(size);
  SpareBlocks& spare = spare_blocks[place];
  if (!spare.has_room_for(block, place)) [[unlikely]]
    return free_given(block);
  spare.keep(block);
}
inline void drop_spare_blocks() {
  for (SpareBlocks& spare : spare_blocks) {
    while (spare.count != 0) free_given(spare.take());
  }
}
#else
inline void* allocate_given(std::size_t size) {
  void* const block = std::malloc(size);
  give_bytes(block_bytes(block));
  return block;
}
inline void free_given(void* block) {
  take_bytes(block_bytes(block));
  std::free(block);
}
inline std::size_t given_bytes(const void* block, std::size_t) { return block_bytes(block); }
// Each block comes from malloc, and is watched there.
inline void reuse_given(void* block, std::size_t) { free_given(block); }
inline void drop_spare_blocks() {}
#endif

}  // namespace runtime
