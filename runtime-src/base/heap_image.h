// A Lua heap as it was at one moment, of which others can be made: a copy of its bytes with every
// pointer turned to the copy. That takes a hundredth of what filling a heap takes.
//
// The image knows nothing of what lies in the heap. It counts on this: pointers into it stand at
// multiples of 8, and a word that looks like one is one. So nothing in the heap may depend on its
// own address in another way, as the order in a table does that has objects as keys.
//
// In the copies the blocks lie one behind the other, whatever was freed between them before, in chunks
// ("parts") of up to 14 KB. The newest blocks are the last part, which goes on with what a copy allocates.
//
// Threads: an image does not change; any number may copy it at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/lua_heap.h"
#include "base/shared_tail.h"

namespace runtime {

// The memory of the original: each block from malloc, with a gap behind it, so that a pointer to its
// end is none to the beginning of another.
class RecordedBlocks {
 public:
  RecordedBlocks() = default;
  ~RecordedBlocks();
  RecordedBlocks(const RecordedBlocks&) = delete;
  RecordedBlocks& operator=(const RecordedBlocks&) = delete;

  // What a lua_Alloc does. Null when memory runs out.
  void* alloc(void* block, std::size_t new_size);

  // Whether `address` lies in a block.
  bool contains(const void* address) const;

 private:
  friend class HeapImage;
  struct Made {
    std::size_t size;
    std::uint64_t order;  // of allocation
  };
  std::map<std::uintptr_t, Made> blocks_;  // by their addresses
  std::uint64_t made_ = 0;
};

class HeapImage {
 public:
  // The address that a word of the heap stands for, if it is a pointer; else anything that is none.
  // Pointers with a tag above are fine: the tag stays.
  using AddressOf = std::uintptr_t (*)(std::uint64_t word);

  // A block, by any address in it, and the blocks that it points to from its second word on: the first one links all
  // objects of a state.
  struct Place {
    const void* address;
    bool with_targets;
  };
  struct Wishes {
    // These lie in front, in this order. Addresses outside of the heap, and what came before, count for nothing.
    std::vector<Place> first;
    // From here to the end of its block, if it is not null, a heap is seldom written to: copies can share this memory
    // (LuaHeap::share_tail).
    const void* constant = nullptr;
  };

  // Null where heaps do not consist of chunks (with the address sanitizer).
  static std::unique_ptr<HeapImage> take(const RecordedBlocks& blocks, AddressOf address_of,
                                         const Wishes& wishes);

  // Makes `heap`, in which nothing was allocated yet, a copy. Nothing is read from the original.
  // False, with the heap as it was, when memory runs out.
  bool copy_to(LuaHeap& heap) const;

  // Where the block that began at `original` begins in a heap that copy_to() has just filled.
  void* in_copy(const LuaHeap& heap, const void* original) const;

  std::size_t bytes() const;  // of a copy

 private:
  static constexpr std::size_t kMostParts = 64;

  struct Part {
    std::vector<std::uint64_t> words;  // with room for the chunk's header
    std::size_t limit;                 // bytes
  };
  struct Block {
    std::uintptr_t origin;
    std::size_t size;
    std::uint64_t rank;  // the highest come first
    std::size_t part;
    std::size_t offset;
  };
  // The words of one part that point into another one: they hold the offset there.
  struct Links {
    std::size_t from;
    std::size_t to;
    std::vector<std::uint16_t> at;
  };

  HeapImage() = default;
  void put_first(const std::vector<Place>& places, AddressOf address_of);
  static std::size_t pick(const std::vector<Block*>& blocks, std::size_t at, std::size_t limit);
  std::size_t add_part();
  void begin_with(std::uintptr_t constant);
  bool lay_out();
  void make_tail();
  const Block* block_at(std::uintptr_t address) const;
  Block* block_at(std::uintptr_t address) {
    return const_cast<Block*>(std::as_const(*this).block_at(address));
  }
  void fill(AddressOf address_of);

  std::vector<Part> parts_;
  std::vector<Block> blocks_;  // by origin
  std::vector<Links> links_;
  std::size_t used_ = 0;

  // Of the block that has a part whose end is constant. It ends the first part of the image.
  Block* constant_block_ = nullptr;
  std::size_t head_ = 0;  // bytes of this part before that, a multiple of SharedTail::kPage
  std::shared_ptr<SharedTail> tail_;  // null: it cannot be shared
};

}  // namespace runtime
