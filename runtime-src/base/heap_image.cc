#include "base/heap_image.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/memory_ledger.h"
#include "base/memory_reserve.h"

namespace runtime {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kGap = kWord;
// The largest of jemalloc's sizes that share their pages.
constexpr std::size_t kPartBytes = 14336;

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

// ---- the original -------------------------------------------------------------------------------

RecordedBlocks::~RecordedBlocks() {
  for (const auto& [block, made] : blocks_) std::free(reinterpret_cast<void*>(block));
}

void* RecordedBlocks::alloc(void* block, std::size_t new_size) {
  if (new_size == 0) {
    if (block != nullptr) blocks_.erase(address(block));
    std::free(block);
    return nullptr;
  }
  void* const made = heap_malloc(new_size + kGap);
  if (made == nullptr) return nullptr;
  // What is not written yet is not to look like a pointer.
  std::memset(made, 0, new_size + kGap);
  if (block != nullptr) {
    std::memcpy(made, block, std::min(new_size, blocks_.at(address(block)).size));
    blocks_.erase(address(block));
    std::free(block);
  }
  blocks_[address(made)] = {new_size, ++made_};
  return made;
}

bool RecordedBlocks::contains(const void* pointer) const {
  const auto after = blocks_.upper_bound(address(pointer));
  if (after == blocks_.begin()) return false;
  const auto& [block, made] = *std::prev(after);
  return address(pointer) < block + made.size;
}

// ---- the image ----------------------------------------------------------------------------------

std::unique_ptr<HeapImage> HeapImage::take(const RecordedBlocks& blocks, AddressOf address_of) {
  if (!LuaHeap::has_chunks()) return nullptr;
  std::unique_ptr<HeapImage> image(new HeapImage);
  for (const auto& [block, made] : blocks.blocks_) {
    image->blocks_.push_back({block, made.size, made.order, 0, 0});
    image->used_ += made.size;
  }
  if (!image->lay_out()) return nullptr;
  image->fill(address_of);
  return image;
}

// The blocks from the newest to the oldest: what was made together is used together, and a message touches what the
// service's own files and `skynet` brought, which were loaded last. Blocks whose size is an odd multiple of 8 stand in
// pairs, as the others are to be aligned by 16: no byte is left between blocks.
std::vector<HeapImage::Block*> HeapImage::newest_first() {
  std::vector<Block*> sorted;
  for (Block& block : blocks_) sorted.push_back(&block);
  std::sort(sorted.begin(), sorted.end(),
            [](const Block* a, const Block* b) { return a->order > b->order; });
  std::vector<Block*> placed;
  Block* single = nullptr;
  for (Block* const block : sorted) {
    if (LuaHeap::block_size(block->size) % 16 == 0) {
      placed.push_back(block);
    } else if (single == nullptr) {
      single = block;
    } else {
      placed.insert(placed.end(), {single, block});
      single = nullptr;
    }
  }
  if (single != nullptr) placed.push_back(single);
  return placed;
}

// Gives each block its place: the first part that has room for it.
bool HeapImage::lay_out() {
  for (Block* const block : newest_first()) {
    const std::size_t size = LuaHeap::block_size(block->size);
    const auto room_for = [size](const Part& part) {
      const std::size_t at = part.words.size() * kWord;
      return (size % 16 != 0 || at % 16 == 0) && at + size <= kPartBytes;
    };
    auto part = std::find_if(parts_.begin(), parts_.end(), room_for);
    if (part == parts_.end()) {
      if (parts_.size() == kMostParts) return false;
      part = parts_.emplace(part);
      part->words.resize(sizeof(LuaHeap::Chunk) / kWord);
    }
    block->part = static_cast<std::size_t>(part - parts_.begin());
    block->offset = part->words.size() * kWord;
    if ((block->offset + size) / kWord > UINT16_MAX) return false;
    part->words.resize((block->offset + size) / kWord);
  }
  return !parts_.empty();
}

// The block in which, or at the end of which, `address` lies.
const HeapImage::Block* HeapImage::block_at(std::uintptr_t address) const {
  auto after = std::upper_bound(blocks_.begin(), blocks_.end(), address,
                                [](std::uintptr_t a, const Block& b) { return a < b.origin; });
  if (after == blocks_.begin()) return nullptr;
  const Block& block = *std::prev(after);
  return address <= block.origin + block.size ? &block : nullptr;
}

void HeapImage::fill(AddressOf address_of) {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::uint16_t>> links;
  for (const Block& block : blocks_) {
    std::vector<std::uint64_t>& words = parts_[block.part].words;
    const std::size_t begin = block.offset / kWord;
    std::memcpy(&words[begin], reinterpret_cast<const void*>(block.origin), block.size);
    for (std::size_t i = begin; i < begin + block.size / kWord; ++i) {
      const Block* const target = block_at(address_of(words[i]));
      if (target == nullptr) continue;
      words[i] += target->offset - target->origin;
      links[{block.part, target->part}].push_back(static_cast<std::uint16_t>(i));
    }
  }
  for (auto& [parts, at] : links) links_.push_back({parts.first, parts.second, std::move(at)});
}

// ---- the copies ---------------------------------------------------------------------------------

bool HeapImage::copy_to(LuaHeap& heap) const {
  std::array<char*, kMostParts> copies{};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    // A chunk ends at a multiple of 16 (below). jemalloc's sizes all do; other allocators may give no
    // byte more than they are asked for.
    const std::size_t bytes = (parts_[i].words.size() * kWord + 15) & ~std::size_t{15};
    copies[i] = static_cast<char*>(heap_malloc(bytes));
    if (copies[i] != nullptr) continue;
    while (i-- > 0) std::free(copies[i]);
    return false;
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::memcpy(copies[i], parts_[i].words.data(), parts_[i].words.size() * kWord);
  }
  for (const Links& links : links_) {
    auto* const words = reinterpret_cast<std::uint64_t*>(copies[links.from]);
    for (const std::uint16_t i : links.at) words[i] += address(copies[links.to]);
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::size_t bytes = parts_[i].words.size() * kWord;
    const bool last = i + 1 == parts_.size();
    heap.bump_ = copies[i] + bytes;
    // The last chunk has all that malloc gives for it.
    heap.link_chunk(copies[i], last ? block_bytes(copies[i]) & ~std::size_t{15} : bytes);
  }
  heap.bump_end_ = copies[parts_.size() - 1] + heap.chunks_->size;
  heap.in_chunks_ = true;
  heap.set_used(used_);
  heap.plan_trim();
  return true;
}

void* HeapImage::in_copy(const LuaHeap& heap, const void* original) const {
  const Block* const block = block_at(address(original));
  if (block == nullptr) return nullptr;
  const LuaHeap::Chunk* chunk = heap.chunks_;  // the last part
  for (std::size_t i = parts_.size() - 1; i > block->part; --i) chunk = chunk->next;
  const std::size_t offset = block->offset + (address(original) - block->origin);
  return const_cast<char*>(reinterpret_cast<const char*>(chunk)) + offset;
}

std::size_t HeapImage::bytes() const {
  std::size_t sum = 0;
  for (const Part& part : parts_) sum += part.words.size() * kWord;
  return sum;
}

}  // namespace runtime
