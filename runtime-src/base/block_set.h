// The addresses of blocks from malloc, so that what nobody freed can be freed in the end. Costs a
// block a few ns and 8 to 32 bytes, and leaves its size alone: a header in front would push the
// powers of two, which Lua prefers, into malloc's next size, a fifth larger.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

namespace runtime {

class BlockSet {
 public:
  BlockSet() = default;
  ~BlockSet() {
    for (std::uint32_t i = 0; i < size_; ++i) std::free(slots_[i]);
  }
  BlockSet(const BlockSet&) = delete;
  BlockSet& operator=(const BlockSet&) = delete;

  // `block` is not null and not in the set.
  void add(void* block) noexcept {
    if (2 * (count_ + 1) > size_) grow();
    put(block);
    ++count_;
  }

  bool contains(const void* block) const noexcept {
    if (count_ == 0) return false;
    std::size_t i = home(block);
    while (slots_[i] != nullptr && slots_[i] != block) i = next(i);
    return slots_[i] != nullptr;
  }

  // `block` is in the set.
  void remove(void* block) noexcept {
    std::size_t hole = home(block);
    while (slots_[hole] != block) hole = next(hole);
    // Whoever probed past the hole moves up, so that look-ups may end at the first free slot.
    for (std::size_t i = next(hole); slots_[i] != nullptr; i = next(i)) {
      const std::size_t distance = (i - home(slots_[i])) & (size_ - 1);
      if (distance >= ((i - hole) & (size_ - 1))) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole] = nullptr;
    --count_;
  }

  std::size_t size() const { return count_; }

 private:
  std::size_t home(const void* block) const {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    return (address >> 4) * 0x9e3779b97f4a7c15u >> 20 & (size_ - 1);
  }
  std::size_t next(std::size_t i) const { return (i + 1) & (size_ - 1); }

  void put(void* block) {
    std::size_t i = home(block);
    while (slots_[i] != nullptr) i = next(i);
    slots_[i] = block;
  }

  void grow() {
    const std::uint32_t old_size = std::exchange(size_, size_ == 0 ? 8 : 2 * size_);
    const auto old = std::exchange(slots_, std::make_unique<void*[]>(size_));
    for (std::uint32_t i = 0; i < old_size; ++i) {
      if (old[i] != nullptr) put(old[i]);
    }
  }

  std::unique_ptr<void*[]> slots_;  // a power of two of them, at most half in use; null is free
  std::uint32_t size_ = 0;          // of slots_; each Lua service has such a set
  std::uint32_t count_ = 0;
};

}  // namespace runtime
