#include "base/lua_heap.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/memory_ledger.h"
#include "base/memory_reserve.h"

namespace runtime {

namespace {

// A new chunk is at most a 64th of those before it: that bounds what may lie unused in it.
constexpr std::size_t kMinChunk = 512;
constexpr std::size_t kMaxChunk = 256 * 1024;
constexpr std::size_t kGrowthDivisor = 64;
constexpr std::size_t kReopened = 128;            // free blocks that small ones may be made of...
constexpr std::size_t kReopenBelow = 128 * 1024;  // ...in heaps below this size
constexpr std::size_t kTrimFrom = 1024 * 1024;    // smaller heaps keep their chunks
constexpr std::size_t kFirstWarning = 32 * 1024 * 1024;
constexpr std::size_t kNoCeiling = SIZE_MAX;

#if defined(__SANITIZE_ADDRESS__)  // gcc
#define RUNTIME_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)  // clang
#define RUNTIME_ASAN
#endif
#endif
#ifdef RUNTIME_ASAN
constexpr std::size_t kMaxSmall = 0;  // a malloc for each block, so that the sanitizer sees them
#else
constexpr std::size_t kMaxSmall = 2048;
#endif

// Sizes: steps of 8 to 128, of 16 to 256, then four for each doubling. Lua's tables double, and
// three quarters of a power of two (24-byte nodes) is among these sizes as well.
constexpr std::array<std::uint16_t, 36> kSizes = [] {
  std::array<std::uint16_t, 36> sizes{};
  int i = 0;
  for (int size = 8; size <= 128; size += 8) sizes[i++] = static_cast<std::uint16_t>(size);
  for (int size = 144; size <= 256; size += 16) sizes[i++] = static_cast<std::uint16_t>(size);
  for (int base = 256; base < 2048; base *= 2) {
    for (int step = 1; step <= 4; ++step) {
      sizes[i++] = static_cast<std::uint16_t>(base + step * base / 4);
    }
  }
  return sizes;
}();
static_assert(kSizes.back() == 2048 && kSizes.size() == 36);

// The smallest class that holds a size: by eighths up to 256 bytes, by 64 beyond.
template <std::size_t kEntries>
constexpr std::array<std::uint8_t, kEntries> class_table(std::size_t unit) {
  std::array<std::uint8_t, kEntries> classes{};
  std::uint8_t c = 0;
  for (std::size_t i = 0; i < kEntries; ++i) {
    while (kSizes[c] < i * unit) ++c;
    classes[i] = c;
  }
  return classes;
}
constexpr auto kClassBy8 = class_table<256 / 8 + 1>(8);
constexpr auto kClassBy64 = class_table<2048 / 64 + 1>(64);

// What a block of more than the small sizes takes in a chunk.
constexpr std::size_t in_chunk(std::size_t size) { return (size + 15) & ~std::size_t{15}; }

// The smallest of jemalloc's sizes from kMinChunk on that holds so many bytes: there are four for each
// doubling.
constexpr std::size_t malloc_size(std::size_t size) {
  const std::size_t step = std::max(std::bit_ceil(size) / 8, kMinChunk / 4);
  return (std::max(size, kMinChunk) + step - 1) / step * step;
}
static_assert(malloc_size(16 + 2048) == 2560 && malloc_size(737) == 768 && malloc_size(100) == 512);

inline int class_of(std::size_t size) {
  return size <= 256 ? kClassBy8[(size + 7) / 8] : kClassBy64[(size + 63) / 64];
}

}  // namespace

LuaHeap::LuaHeap() : ceiling_(kFirstWarning), warning_(kFirstWarning) {
  static_assert(std::tuple_size_v<decltype(kSizes)> == kClasses);
  static_assert(sizeof(Chunk) == kChunkHeader);
}

LuaHeap::~LuaHeap() {
  take_bytes(reserved());
  while (chunks_ != nullptr) {
    Chunk* const next = chunks_->next;
    free_chunk(chunks_);
    chunks_ = next;
  }
}

void* LuaHeap::alloc(void* heap, void* block, std::size_t old_size, std::size_t new_size) {
  auto& self = *static_cast<LuaHeap*>(heap);
  if (block == nullptr) return new_size == 0 ? nullptr : self.allocate(new_size);
  if (new_size != 0) return self.resize(block, old_size, new_size);
  self.release(block, old_size);
  return nullptr;
}

inline void* LuaHeap::allocate(std::size_t size) {
  const std::size_t after = used() + size;
  if (after > ceiling_ && !may_use(after)) [[unlikely]]
    return exhausted();
  void* const block = take(size);
  if (block == nullptr) [[unlikely]]
    return exhausted();
  set_used(after);
  return block;
}

inline void LuaHeap::release(void* block, std::size_t size) {
  if (releasing_) return;
  give(block, size);
  set_used(used() - size);
  if (used() < trim_below_) [[unlikely]]
    trim();
}

void* LuaHeap::resize(void* block, std::size_t old_size, std::size_t new_size) {
  const std::size_t after = used() - old_size + new_size;
  if (new_size > old_size && after > ceiling_ && !may_use(after)) [[unlikely]]
    return exhausted();
  void* moved = block;
  if (old_size > kMaxSmall && new_size > kMaxSmall) {
    moved = resize_large(block, old_size, new_size);
    if (moved == nullptr) {
      if (new_size > old_size) return exhausted();
      moved = block;
    }
  } else if (old_size > kMaxSmall || new_size > kMaxSmall ||
             class_of(old_size) != class_of(new_size)) {
    moved = take(new_size);
    if (moved == nullptr) [[unlikely]] {
      if (new_size > old_size) return exhausted();
      moved = shrink_in_place(static_cast<char*>(block), old_size, new_size);
    } else {
      std::memcpy(moved, block, std::min(old_size, new_size));
      if (!releasing_) give(block, old_size);
    }
  }
  set_used(after);
  return moved;
}

// ---- blocks ------------------------------------------------------------------------------------

inline void* LuaHeap::take(std::size_t size) {
  if (size > kMaxSmall) {
    void* const block = heap_malloc(size);
    if (block == nullptr) return nullptr;
    large_.add(block);
    reserve(block_bytes(block));
    return block;
  }
  const int size_class = class_of(size);
  Free* const block = free_[size_class];
  if (block == nullptr) return carve(size_class);
  free_[size_class] = block->next;
  return block;
}

inline void LuaHeap::give(void* block, std::size_t size) {
  if (size <= kMaxSmall) {
    push_free(class_of(size), static_cast<char*>(block));
    return;
  }
  if (is_in_chunk(block)) [[unlikely]] {
    divide(static_cast<char*>(block), static_cast<char*>(block) + in_chunk(size));
    return;
  }
  large_.remove(block);
  unreserve(block_bytes(block));
  std::free(block);
}

inline void LuaHeap::push_free(int size_class, char* block) {
  auto* const head = reinterpret_cast<Free*>(block);
  head->next = free_[size_class];
  free_[size_class] = head;
}

void* LuaHeap::resize_large(void* block, std::size_t old_size, std::size_t size) {
  if (is_in_chunk(block)) [[unlikely]] {
    void* const moved = take(size);
    if (moved == nullptr) {
      if (size < old_size) shrink_in_place(static_cast<char*>(block), old_size, size);
      return nullptr;
    }
    std::memcpy(moved, block, std::min(old_size, size));
    if (!releasing_) give(block, old_size);
    return moved;
  }
  const std::size_t old_bytes = block_bytes(block);
  large_.remove(block);
  void* const moved = heap_realloc(block, size);
  large_.add(moved != nullptr ? moved : block);
  if (moved == nullptr) return nullptr;
  unreserve(old_bytes);
  reserve(block_bytes(moved));
  return moved;
}

// Shrinks a block, one from malloc to a small size, although there is no memory to move it to.
void* LuaHeap::shrink_in_place(char* block, std::size_t old_size, std::size_t new_size) {
  if (is_in_chunk(block) && old_size > kMaxSmall) {
    const std::size_t kept =
        new_size <= kMaxSmall ? kSizes[class_of(new_size)] : in_chunk(new_size);
    divide(block + kept, block + in_chunk(old_size));
    return block;
  }
  const std::size_t kept = kSizes[class_of(new_size)];
  if (old_size <= kMaxSmall) {
    divide(block + kept, block + kSizes[class_of(old_size)]);
    return block;
  }
  // A block from malloc becomes a chunk: jemalloc's next size after 2048 has room for the header.
  large_.remove(block);
  const std::size_t size = block_bytes(block) & ~std::size_t{15};
  RUNTIME_CHECK(size >= sizeof(Chunk) + kept, "a large block holds a chunk of one small block");
  unreserve(block_bytes(block));
  std::memmove(block + sizeof(Chunk), block, new_size);
  link_chunk(block, size);
  divide(block + sizeof(Chunk) + kept, block + size);
  return block + sizeof(Chunk);
}

// ---- chunks ------------------------------------------------------------------------------------

// A new block from the newest chunk. Every byte of a chunk is in some block, used or free, or in
// bump_..bump_end_: trim() counts on that.
void* LuaHeap::carve(int size_class) {
  const std::size_t size = kSizes[size_class];
  for (;;) {
    if (size % 16 == 0 && reinterpret_cast<std::uintptr_t>(bump_) % 16 != 0) {
      push_free(0, bump_);
      bump_ += kSizes[0];
    }
    if (size <= static_cast<std::size_t>(bump_end_ - bump_)) break;
    if (!reopen_block(size) && !add_chunk(size)) return nullptr;
  }
  char* const block = bump_;
  bump_ += size;
  return block;
}

// Carves on in a large free block, if there is one: what tables and strings have outgrown while a
// state was set up is a tenth of a small heap.
bool LuaHeap::reopen_block(std::size_t size) {
  if (chunk_bytes_ >= kReopenBelow) return false;
  for (int c = kClasses - 1; kSizes[c] >= kReopened && kSizes[c] >= 4 * size; --c) {
    if (free_[c] == nullptr) continue;
    divide(bump_, bump_end_);
    bump_ = reinterpret_cast<char*>(std::exchange(free_[c], free_[c]->next));
    bump_end_ = bump_ + kSizes[c];
    return true;
  }
  return false;
}

// A chunk with room for a block of size `least`.
bool LuaHeap::add_chunk(std::size_t least) {
  std::size_t size =
      std::clamp(std::bit_floor(chunk_bytes_ / kGrowthDivisor), kMinChunk, kMaxChunk);
  size = std::max(size, malloc_size(sizeof(Chunk) + least));
  auto* const block = static_cast<char*>(heap_malloc(size));
  if (block == nullptr) return false;
  divide(bump_, bump_end_);
  link_chunk(block, size);
  bump_ = block + sizeof(Chunk);
  bump_end_ = block + size;
  plan_trim();
  return true;
}

void LuaHeap::link_chunk(char* block, std::size_t size) {
  chunks_ = new (block) Chunk{chunks_, size};
  chunk_bytes_ += size;
  reserve(size);
}

void LuaHeap::free_chunk(Chunk* chunk) {
  if (chunk == tail_chunk_) {
    if (tail_is_shared_) tail_owner_->unshare(tail_);
    tail_is_shared_ = false;
    tail_chunk_ = nullptr;
  }
  std::free(chunk);
}

void LuaHeap::share_tail() {
  if (tail_chunk_ != nullptr && !tail_is_shared_) tail_is_shared_ = tail_owner_->share(tail_);
}

bool LuaHeap::has_chunks() { return kMaxSmall != 0; }

std::size_t LuaHeap::block_size(std::size_t size) {
  return size <= kMaxSmall ? kSizes[class_of(size)] : in_chunk(size);
}

// Makes free blocks of what is left of a chunk. Both ends are multiples of 8.
void LuaHeap::divide(char* from, char* to) {
  while (from != to) {
    const auto left = static_cast<std::size_t>(to - from);
    int size_class = 0;
    if (reinterpret_cast<std::uintptr_t>(from) % 16 == 0) {
      size_class = class_of(std::min<std::size_t>(left, kSizes.back()));
      if (kSizes[size_class] > left) --size_class;
    }
    push_free(size_class, from);
    from += kSizes[size_class];
  }
}

// When to look for empty chunks again: once the heap has shrunk by half from here, so that the cost
// of a search is always paid for by the frees before it.
void LuaHeap::plan_trim() {
  trim_below_ = chunk_bytes_ < kTrimFrom ? 0 : std::min(chunk_bytes_ / 4, used() / 2);
}

std::size_t LuaHeap::trim() {
  struct Entry {
    char* begin;
    char* end;
    std::size_t free_bytes;
    Chunk* chunk;
  };
  divide(bump_, bump_end_);
  bump_ = bump_end_ = nullptr;
  std::vector<Entry> entries;
  for (Chunk* chunk = chunks_; chunk != nullptr; chunk = chunk->next) {
    auto* const begin = reinterpret_cast<char*>(chunk);
    entries.push_back({begin, begin + chunk->size, sizeof(Chunk), chunk});
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  // Neighbours on a free list mostly lie in one chunk.
  Entry* last = entries.data();
  const auto entry_of = [&](char* block) -> Entry& {
    if (block < last->begin || block >= last->end) {
      last = &*std::prev(std::upper_bound(entries.begin(), entries.end(), block,
                                          [](char* b, const Entry& e) { return b < e.begin; }));
    }
    return *last;
  };
  for (int c = 0; c < kClasses; ++c) {
    for (Free* block = free_[c]; block != nullptr; block = block->next) {
      entry_of(reinterpret_cast<char*>(block)).free_bytes += kSizes[c];
    }
  }
  const auto is_empty = [](const Entry& e) { return e.free_bytes == e.chunk->size; };
  for (Free*& list : free_) {
    Free** link = &list;
    while (*link != nullptr) {
      if (is_empty(entry_of(reinterpret_cast<char*>(*link)))) {
        *link = (*link)->next;
      } else {
        link = &(*link)->next;
      }
    }
  }
  std::size_t freed = 0;
  chunks_ = nullptr;
  for (const Entry& e : entries) {
    if (is_empty(e)) {
      freed += e.chunk->size;
      free_chunk(e.chunk);
    } else {
      e.chunk->next = chunks_;
      chunks_ = e.chunk;
    }
  }
  chunk_bytes_ -= freed;
  unreserve(freed);
  plan_trim();
  return freed;
}

// Memory of the heap is on no account but its own (base/memory_ledger.h).
void LuaHeap::reserve(std::size_t bytes) {
  reserved_.store(reserved() + bytes, std::memory_order_relaxed);
  give_bytes(bytes);
}

void LuaHeap::unreserve(std::size_t bytes) {
  reserved_.store(reserved() - bytes, std::memory_order_relaxed);
  take_bytes(bytes);
}

// ---- limits ------------------------------------------------------------------------------------

void LuaHeap::set_limit(std::size_t bytes) {
  limit_ = bytes;
  ceiling_ = std::min(warning_, limit_ == 0 ? kNoCeiling : limit_ + lent_);
}

void LuaHeap::lend(std::uint32_t bytes) {
  lent_ = bytes;
  set_limit(limit_);
}

void LuaHeap::on_warning(OnWarning warn, void* context) {
  warn_ = warn;
  context_ = context;
}

void LuaHeap::on_exhausted(OnExhausted tell, void* context) {
  tell_exhausted_ = tell;
  context_ = context;
}

void* LuaHeap::exhausted() {
  if (tell_exhausted_ != nullptr) tell_exhausted_(context_);
  return nullptr;
}

// The heap is about to use `bytes`, above ceiling_. False: that is more than the limit.
bool LuaHeap::may_use(std::size_t bytes) {
  if (limit_ != 0 && bytes > limit_ + lent_) return false;
  if (bytes > warning_) {
    while (bytes > warning_) warning_ = warning_ > kNoCeiling / 2 ? kNoCeiling : warning_ * 2;
    set_limit(limit_);
    if (warn_ != nullptr) warn_(context_, bytes);
  }
  return true;
}

}  // namespace runtime
