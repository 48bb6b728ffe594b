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

// Others of these sizes.
constexpr std::size_t kSmallerParts[] = {7168, 8192, 10240, 12288};
constexpr std::size_t kHeader = LuaHeap::kChunkHeader;
// Bounds for the part of the newest blocks, and what it has besides for what a copy allocates next.
constexpr std::size_t kLeastNewest = 4096;
constexpr std::size_t kMostNewest = 10240;
constexpr std::size_t kRoom = 2048;

// How many of `total` bytes of blocks should lie in the part of the newest ones for the others to be full.
std::size_t newest_bytes(std::size_t total) {
  for (std::size_t full = total / kPartBytes + 1; full-- > 0;) {
    std::size_t best = SIZE_MAX;
    const auto consider = [&](std::size_t others) {
      if (others + kLeastNewest <= total && others + kMostNewest >= total)
        best = std::min(best, total - others);
    };
    const std::size_t others = full * (kPartBytes - kHeader);
    consider(others);
    for (const std::size_t smaller : kSmallerParts) consider(others + smaller - kHeader);
    if (best != SIZE_MAX) return best;
  }
  return kMostNewest;
}

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

std::unique_ptr<HeapImage> HeapImage::take(const RecordedBlocks& blocks, AddressOf address_of,
                                           const Wishes& wishes) {
  if (!LuaHeap::has_chunks()) return nullptr;
  std::unique_ptr<HeapImage> image(new HeapImage);
  for (const auto& [block, made] : blocks.blocks_) {
    image->blocks_.push_back({block, made.size, made.order, 0, 0});
    image->used_ += made.size;
  }
  image->put_first(wishes.first, address_of);
  if (wishes.constant != nullptr) image->begin_with(address(wishes.constant));
  if (!image->lay_out()) return nullptr;
  image->fill(address_of);
  if (image->constant_block_ != nullptr) image->make_tail();
  return image;
}

void HeapImage::put_first(const std::vector<Place>& places, AddressOf address_of) {
  std::uint64_t next = UINT64_MAX;
  const std::uint64_t newest = next - 2 * blocks_.size();
  const auto raise = [&](Block* block) {
    if (block != nullptr && block->rank < newest) block->rank = next--;
  };
  for (const Place& place : places) {
    Block* const block = block_at(address(place.address));
    raise(block);
    if (block == nullptr || !place.with_targets) continue;
    for (std::size_t i = kWord; i + kWord <= block->size; i += kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, reinterpret_cast<const char*>(block->origin) + i, kWord);
      raise(block_at(address_of(word)));
    }
  }
}

std::size_t HeapImage::add_part() {
  parts_.push_back({std::vector<std::uint64_t>(kHeader / kWord), kPartBytes});
  return parts_.size() - 1;
}

// The first part ends with the block in which `constant` lies, so that what follows it begins a page. What is left before
// the block is for others.
void HeapImage::begin_with(std::uintptr_t constant) {
  constexpr std::size_t kPage = SharedTail::kPage;
  Block* const block = block_at(constant);
  if (block == nullptr) return;
  const std::size_t before = (constant - block->origin + 15) & ~std::size_t{15};
  head_ = (kHeader + before + kPage - 1) / kPage * kPage;
  if (before >= block->size || head_ + block->size - before > kPartBytes) return;
  constant_block_ = block;
  block->part = add_part();
  block->offset = head_ - before;
  parts_[block->part].limit = block->offset;
}

// Which of `blocks` is to lie next in a part that is filled up to `at`: the first one that has room, where blocks whose size
// is an odd multiple of 8 stand in pairs, as the others are to be aligned by 16. As many as there are: none.
std::size_t HeapImage::pick(const std::vector<Block*>& blocks, std::size_t at, std::size_t limit) {
  const auto is_odd = [](const Block* block) { return LuaHeap::block_size(block->size) % 16 != 0; };
  const bool lone = std::count_if(blocks.begin(), blocks.end(), is_odd) == 1;
  const auto fits = [&](const Block* block) {
    const bool in_turn = is_odd(block) ? at % 16 != 0 || !lone || blocks.size() == 1 : at % 16 == 0;
    return in_turn && at + LuaHeap::block_size(block->size) <= limit;
  };
  return static_cast<std::size_t>(std::find_if(blocks.begin(), blocks.end(), fits) -
                                  blocks.begin());
}

// Gives each block its place. But for put_first() the newest come first: what was made together is used together, and a
// message touches what the service's own files and `skynet` brought, which were loaded last.
bool HeapImage::lay_out() {
  std::vector<Block*> blocks;
  for (Block& block : blocks_) {
    if (&block != constant_block_) blocks.push_back(&block);
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const Block* a, const Block* b) { return a->rank > b->rank; });
  std::size_t total = 0;
  for (const Block* const block : blocks) total += LuaHeap::block_size(block->size);
  const std::size_t newest = add_part();
  // A little more, as the others may not be filled to the last byte.
  parts_[newest].limit = kHeader + newest_bytes(total) + 64;
  for (std::size_t part = 0; !blocks.empty();) {
    std::vector<std::uint64_t>& words = parts_[part].words;
    const std::size_t at = words.size() * kWord;
    const std::size_t picked = pick(blocks, at, parts_[part].limit);
    if (picked == blocks.size()) {
      if (++part < parts_.size()) continue;
      // A large block has a part for itself.
      add_part();
      const std::size_t most = LuaHeap::block_size(blocks.front()->size) + kHeader;
      parts_[part].limit = std::max(kPartBytes, most);
      continue;
    }
    Block& block = *blocks[picked];
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(picked));
    block.part = part;
    block.offset = at;
    words.resize((at + LuaHeap::block_size(block.size)) / kWord);
  }
  if (constant_block_ != nullptr) {
    const Block& block = *constant_block_;
    parts_[block.part].words.resize((block.offset + LuaHeap::block_size(block.size)) / kWord);
  }
  // The newest part comes last: what a copy allocates follows it.
  std::rotate(parts_.begin() + static_cast<std::ptrdiff_t>(newest),
              parts_.begin() + static_cast<std::ptrdiff_t>(newest) + 1, parts_.end());
  for (Block& block : blocks_) {
    if (block.part == newest) {
      block.part = parts_.size() - 1;
    } else if (block.part > newest) {
      --block.part;
    }
  }
  const auto is_small = [](const Part& part) { return part.words.size() <= UINT16_MAX; };
  return parts_.size() <= kMostParts && std::all_of(parts_.begin(), parts_.end(), is_small);
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

// Copies can share the end of the first part, unless each has pointers of its own there.
void HeapImage::make_tail() {
  for (const Links& links : links_) {
    if (links.from == 0 && std::any_of(links.at.begin(), links.at.end(),
                                       [this](std::size_t i) { return i * kWord >= head_; }))
      return;
  }
  const std::vector<std::uint64_t>& words = parts_[0].words;
  tail_ = SharedTail::of(&words[head_ / kWord], words.size() * kWord - head_);
}

// ---- the copies ---------------------------------------------------------------------------------

bool HeapImage::copy_to(LuaHeap& heap) const {
  std::array<char*, kMostParts> copies{};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    // A chunk ends at a multiple of 16 (below). jemalloc's sizes all do; other allocators may give no
    // byte more than they are asked for.
    std::size_t bytes = (parts_[i].words.size() * kWord + 15) & ~std::size_t{15};
    if (i + 1 == parts_.size()) bytes += kRoom;
    // Whole pages, for which jemalloc has places that begin with one.
    if (i == 0 && tail_ != nullptr)
      bytes = (bytes + SharedTail::kPage - 1) / SharedTail::kPage * SharedTail::kPage;
    copies[i] = static_cast<char*>(heap_malloc(bytes));
    if (copies[i] != nullptr) continue;
    while (i-- > 0) std::free(copies[i]);
    return false;
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::memcpy(copies[i], parts_[i].words.data(), parts_[i].words.size() * kWord);
  }
  if (tail_ != nullptr) {
    heap.tail_chunk_ = reinterpret_cast<LuaHeap::Chunk*>(copies[0]);
    heap.tail_ = copies[0] + head_;
    heap.tail_owner_ = tail_;
    heap.reserve(block_bytes(copies[0]) - parts_[0].words.size() * kWord);  // which is nobody's
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
