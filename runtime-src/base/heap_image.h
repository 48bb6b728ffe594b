// A Lua heap as it was at one moment, of which others can be made: a copy of its bytes with every
// pointer turned to the copy. That takes a hundredth of what filling a heap takes.
//
// The image knows nothing of what lies in the heap. It counts on this: all of it lies in the heap's
// chunks (LuaHeap::keep_in_chunks), pointers into it stand at multiples of 8, and a word that looks
// like one is one. So nothing in the heap may depend on its own address in another way, as the order
// in a table does that has objects as keys.
//
//   original:  chunk 0 [header|blocks ...]   chunk 1 [header|blocks ... bump_|unused]
//   copy:      the same chunks, each anywhere; the last one without the unused rest
//
// Threads: an image does not change; any number may copy it at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/lua_heap.h"

namespace runtime {

class HeapImage {
 public:
  // The address that a word of the heap stands for, if it is a pointer; else anything that is none.
  // Pointers with a tag above are fine: the tag stays.
  using AddressOf = std::uintptr_t (*)(std::uint64_t word);

  // Null if the heap cannot be copied: some of it lies outside of chunks.
  static std::unique_ptr<HeapImage> take(const LuaHeap& heap, AddressOf address_of);

  // Makes `heap`, in which nothing was allocated yet, a copy. Nothing is read from the original.
  // False, with the heap as it was, when memory runs out.
  bool copy_to(LuaHeap& heap) const;

  // Where what lay at `original` lies in a heap that copy_to() has just filled.
  void* in_copy(const LuaHeap& heap, const void* original) const;

  std::size_t bytes() const;  // of a copy
  std::size_t pointers() const;

 private:
  static constexpr std::size_t kMostParts = 16;

  struct Part {
    std::uintptr_t origin;
    std::vector<std::uint64_t> words;  // with the chunk's header
  };
  // The words of one part that point into another one.
  struct Links {
    std::uint8_t from;
    std::uint8_t to;
    std::vector<std::uint16_t> at;
  };

  HeapImage() = default;
  int part_of(std::uintptr_t address) const;
  void find_links(AddressOf address_of);
  static void turn(const Links& links, char* part, std::uint64_t by);

  std::vector<Part> parts_;
  std::vector<Links> links_;
  std::array<LuaHeap::Free*, LuaHeap::kClasses> free_{};
  std::uintptr_t bump_ = 0;
  std::size_t used_ = 0;
};

}  // namespace runtime
