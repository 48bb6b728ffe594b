#include "lua/pointer_segments.h"

#ifdef RUNTIME_LUAJIT

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr int kSegmentBits = 39;  // LJ_LIGHTUD_BITS_LO

// The parts that are taken: their numbers + 1, from the front; 0 is a free place.
std::array<std::atomic<std::uint32_t>, 16 + kStrangeSegments> taken;

bool take(std::uint64_t segment) {
  const auto wanted = static_cast<std::uint32_t>(segment + 1);
  for (auto& place : taken) {
    // A number stands for itself: nothing is read through it.
    std::uint32_t there = place.load(std::memory_order_relaxed);
    if (there == 0 && place.compare_exchange_strong(there, wanted, std::memory_order_relaxed)) return true;
    if (there == wanted) return true;
  }
  return false;
}

std::uint64_t segment_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer) >> kSegmentBits;
}

// Where the executable, its heap, its libraries and its stacks are. What is mapped grows towards lower addresses.
bool take_own() {
  const auto block = std::make_unique<char>();
  const char local = 0;
  const void* const of_library = stdout;
  for (const void* const own : {static_cast<const void*>(&taken), static_cast<const void*>(block.get()),
                                static_cast<const void*>(&local), of_library}) {
    take(segment_of(own));
    if (segment_of(own) != 0) take(segment_of(own) - 1);
  }
  return take(0);
}

}  // namespace

bool takes_pointer(const void* pointer) {
  [[maybe_unused]] static const bool own = take_own();
  return take(segment_of(pointer));
}

}  // namespace runtime::RUNTIME_ENGINE

#endif  // RUNTIME_LUAJIT
