// The memory of one Lua state: an allocator in the shape of lua_Alloc, without locks.
//
// Blocks of up to 2 KB come from free lists, one for each of 36 sizes, filled from chunks that grow
// with the heap: a service that idles holds little more than it uses. Larger ones come from malloc.
//
// Threads:   one at a time, as the state itself; used() and reserved() from any thread.
// Copies:    a heap can be made as a copy of another one (base/heap_image.h).
// Ownership: the destructor frees every block there is, whether or not it was given back.
// Alignment: 8 bytes; 16 for sizes that are multiples of 16.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/block_set.h"
#include "base/shared_tail.h"

namespace runtime {

class LuaHeap {
 public:
  // Called when used() first exceeds 32 MB, 64 MB, 128 MB, ...; from inside the allocation, so it
  // must not touch the Lua state.
  using OnWarning = void (*)(void* context, std::size_t used);

  LuaHeap();
  ~LuaHeap();
  LuaHeap(const LuaHeap&) = delete;
  LuaHeap& operator=(const LuaHeap&) = delete;

  // The lua_Alloc; `heap` is the LuaHeap. `old_size` counts only when there is a block: for new
  // ones Lua passes the kind of object. Null when the limit or the machine's memory is reached.
  // A block that shrinks or stays never fails.
  static void* alloc(void* heap, void* block, std::size_t old_size, std::size_t new_size);

  // What the state may use, in bytes; 0 means no limit. Counts for growth: a heap that is above it
  // already keeps what it has.
  void set_limit(std::size_t bytes);
  std::size_t limit() const { return limit_; }

  // Allows `bytes` beyond the limit until it is called with 0: for telling that the limit was hit.
  void lend(std::uint32_t bytes);

  // `context` is on_exhausted()'s as well: the latest one counts.
  void on_warning(OnWarning warn, void* context);

  // Called when an allocation fails, from inside of it: what it does must not allocate here.
  using OnExhausted = void (*)(void* context);
  void on_exhausted(OnExhausted tell, void* context);

  // From here on freeing does nothing, as the destructor is about to free everything: for a quick
  // lua_close. There is no limit any more: finalizers must be able to give back what they guard.
  void begin_release() {
    releasing_ = true;
    set_limit(0);
  }

  // False with the address sanitizer: each block comes from malloc, so that it sees them.
  static bool has_chunks();
  // What each chunk begins with, in bytes.
  static constexpr std::size_t kChunkHeader = 16;
  // What a block of `size` bytes takes in a chunk.
  static std::size_t block_size(std::size_t size);

  // Gives chunks without a used block back to malloc; the bytes that went. Runs by itself when
  // used() has fallen far below what the chunks hold, so callers need it only to be thorough.
  std::size_t trim();

  // Gives memory up for what the copies of one heap share (base/shared_tail.h), if this one is a copy and still has the
  // same there.
  void share_tail();

  // Bytes that Lua asked for and has not freed.
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  // Bytes that malloc has set aside for that.
  std::size_t reserved() const { return reserved_.load(std::memory_order_relaxed); }

 private:
  friend class HeapImage;

  static constexpr int kClasses = 36;

  struct Free {
    Free* next;
  };
  struct Chunk {
    Chunk* next;
    std::size_t size;  // with this header
  };
  void* allocate(std::size_t size);
  void release(void* block, std::size_t size);
  void* resize(void* block, std::size_t old_size, std::size_t new_size);
  void* take(std::size_t size);
  void give(void* block, std::size_t size);
  void* carve(int size_class);
  bool reopen_block(std::size_t size);
  bool add_chunk(std::size_t least);
  void link_chunk(char* block, std::size_t size);
  void free_chunk(Chunk* chunk);
  bool is_in_chunk(void* block) const { return in_chunks_ && !large_.contains(block); }
  void divide(char* from, char* to);
  void push_free(int size_class, char* block);
  void* resize_large(void* block, std::size_t old_size, std::size_t size);
  void* shrink_in_place(char* block, std::size_t old_size, std::size_t new_size);
  void* exhausted();
  bool may_use(std::size_t bytes);
  void set_used(std::size_t bytes) { used_.store(bytes, std::memory_order_relaxed); }
  void reserve(std::size_t bytes);
  void unreserve(std::size_t bytes);
  void plan_trim();

  // One writer, so that load and store need not be one step.
  std::atomic<std::size_t> used_ = 0;
  std::atomic<std::size_t> reserved_ = 0;
  std::size_t ceiling_;  // the smaller of limit_ and warning_: one comparison for both
  std::size_t limit_ = 0;
  std::size_t trim_below_ = 0;
  char* bump_ = nullptr;  // what is left of the newest chunk: bump_ to bump_end_
  char* bump_end_ = nullptr;
  std::array<Free*, kClasses> free_{};
  std::uint32_t lent_ = 0;
  bool releasing_ = false;
  bool in_chunks_ = false;  // some blocks of more than 2 KB do not come from malloc

  Chunk* chunks_ = nullptr;
  std::size_t chunk_bytes_ = 0;
  // Of a copy: the chunk that ends with what may be shared, where that begins, whose it is, and whether it is.
  Chunk* tail_chunk_ = nullptr;
  char* tail_ = nullptr;
  std::shared_ptr<SharedTail> tail_owner_;
  bool tail_is_shared_ = false;
  BlockSet large_;
  std::size_t warning_;
  OnWarning warn_ = nullptr;
  OnExhausted tell_exhausted_ = nullptr;
  void* context_ = nullptr;  // of these two
};

}  // namespace runtime
