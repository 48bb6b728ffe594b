#include "base/heap_image.h"

#include <cstring>

#include "base/memory_ledger.h"
#include "base/memory_reserve.h"

namespace runtime {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

std::unique_ptr<HeapImage> HeapImage::take(const LuaHeap& heap, AddressOf address_of) {
  if (!heap.in_chunks_ || heap.large_.size() != 0 || heap.chunks_ == nullptr) return nullptr;
  std::unique_ptr<HeapImage> image(new HeapImage);
  // The newest chunk, the one that has the rest, is the first.
  for (const LuaHeap::Chunk* chunk = heap.chunks_; chunk != nullptr; chunk = chunk->next) {
    const char* const begin = reinterpret_cast<const char*>(chunk);
    const std::size_t bytes =
        chunk == heap.chunks_ ? static_cast<std::size_t>(heap.bump_ - begin) : chunk->size;
    if (bytes / kWord > UINT16_MAX || image->parts_.size() == kMostParts) return nullptr;
    std::vector<std::uint64_t> words(bytes / kWord);
    std::memcpy(words.data(), begin, words.size() * kWord);
    image->parts_.push_back({address(begin), std::move(words)});
  }
  image->free_ = heap.free_;
  image->bump_ = address(heap.bump_);
  image->used_ = heap.used();
  image->find_links(address_of);
  return image;
}

// The part that an address belongs to, or -1. One past the end of a block may be the end of its
// part; no block begins where a part does, so it is that of no other.
int HeapImage::part_of(std::uintptr_t address) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::uintptr_t blocks = parts_[i].origin + sizeof(LuaHeap::Chunk);
    if (address >= blocks && address <= parts_[i].origin + parts_[i].words.size() * kWord) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

void HeapImage::find_links(AddressOf address_of) {
  const std::size_t count = parts_.size();
  for (std::size_t from = 0; from < count; ++from) {
    std::vector<std::vector<std::uint16_t>> at(count);
    const std::vector<std::uint64_t>& words = parts_[from].words;
    for (std::size_t i = sizeof(LuaHeap::Chunk) / kWord; i < words.size(); ++i) {
      const int to = part_of(address_of(words[i]));
      if (to >= 0) at[static_cast<std::size_t>(to)].push_back(static_cast<std::uint16_t>(i));
    }
    for (std::size_t to = 0; to < count; ++to) {
      if (at[to].empty()) continue;
      links_.push_back(
          {static_cast<std::uint8_t>(from), static_cast<std::uint8_t>(to), std::move(at[to])});
    }
  }
}

void HeapImage::turn(const Links& links, char* part, std::uint64_t by) {
  auto* const words = reinterpret_cast<std::uint64_t*>(part);
  for (const std::uint16_t i : links.at) words[i] += by;
}

bool HeapImage::copy_to(LuaHeap& heap) const {
  std::array<char*, kMostParts> copies{};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    copies[i] = static_cast<char*>(heap_malloc(parts_[i].words.size() * kWord));
    if (copies[i] != nullptr) continue;
    while (i-- > 0) std::free(copies[i]);
    return false;
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::memcpy(copies[i], parts_[i].words.data(), parts_[i].words.size() * kWord);
  }
  for (const Links& links : links_) {
    turn(links, copies[links.from], address(copies[links.to]) - parts_[links.to].origin);
  }
  for (std::size_t i = parts_.size(); i-- > 0;) {
    // The newest chunk has all that malloc gives for it.
    std::size_t bytes = parts_[i].words.size() * kWord;
    if (i == 0) bytes = block_bytes(copies[i]) & ~std::size_t{15};
    heap.link_chunk(copies[i], bytes);
  }
  heap.bump_ = static_cast<char*>(in_copy(heap, reinterpret_cast<void*>(bump_)));
  heap.bump_end_ = copies[0] + heap.chunks_->size;
  for (int c = 0; c < LuaHeap::kClasses; ++c) {
    heap.free_[c] = static_cast<LuaHeap::Free*>(in_copy(heap, free_[c]));
  }
  heap.in_chunks_ = true;
  heap.set_used(used_);
  heap.plan_trim();
  return true;
}

void* HeapImage::in_copy(const LuaHeap& heap, const void* original) const {
  int part = part_of(address(original));
  if (part < 0) return nullptr;
  const std::uintptr_t offset = address(original) - parts_[part].origin;
  const LuaHeap::Chunk* chunk = heap.chunks_;
  while (part-- > 0) chunk = chunk->next;
  return const_cast<char*>(reinterpret_cast<const char*>(chunk)) + offset;
}

std::size_t HeapImage::bytes() const {
  std::size_t sum = 0;
  for (const Part& part : parts_) sum += part.words.size() * kWord;
  return sum;
}

std::size_t HeapImage::pointers() const {
  std::size_t sum = 0;
  for (const Links& links : links_) sum += links.at.size();
  return sum;
}

}  // namespace runtime
