#include "lua/jit_areas.h"

#include <sys/mman.h>

#include <cstdint>
#include <mutex>
#include <vector>

extern "C" const char __executable_start;

namespace runtime {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t kMostBytes =
    16 * kPage;  // of an area, as LuaJIT has it if nobody sets another size
constexpr std::uintptr_t kDistance = kMostBytes + kPage;  // from one to the next
constexpr std::uintptr_t kNear = std::uintptr_t{1} << 30;
// Those of LuaJIT's reach that no executable is in.
constexpr std::uintptr_t kPlaces = (kNear - (std::uintptr_t{1} << 27)) / kDistance;

// Never destroyed: states may live as long as the process.
struct Places {
  std::mutex mutex;
  std::vector<bool> in_use;  // guarded by mutex, as are the others; places beyond were never used
  std::vector<std::uint32_t> given_back;
  std::size_t count = 0;  // in use
};

Places& places() {
  static Places& all = *new Places;
  return all;
}

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

// Where the places begin, downwards.
std::uintptr_t top() { return (address(&__executable_start) & ~(kPage - 1)) - kPage; }

bool is_near([[maybe_unused]] const void* wanted) {
#ifdef __x86_64__
  return address(wanted) - (top() - kNear) < 2 * kNear;
#else
  return false;  // LuaJIT does not reach as far on other processors
#endif
}

void* map_at(std::uint32_t place, std::size_t size, int protection, int flags) {
  const std::uintptr_t below_top = (place + 1) * kDistance;
  if (below_top + kNear / 1024 > top())
    return MAP_FAILED;  // an executable that lies where addresses begin
  void* const begin = reinterpret_cast<void*>(top() - below_top);
  void* const made = mmap(begin, size, protection, flags | MAP_FIXED_NOREPLACE, -1, 0);
  if (made == begin || made == MAP_FAILED) return made;
  munmap(made, size);  // a kernel that does not know the flag
  return MAP_FAILED;
}

// Null: there is no room. Places that something else lies at are left out for good.
void* map_area(std::size_t size, int protection, int flags) {
  constexpr int kTries = 8;
  Places& all = places();
  const std::lock_guard lock(all.mutex);
  for (int i = 0; i < kTries; ++i) {
    std::uint32_t place;
    if (!all.given_back.empty()) {
      place = all.given_back.back();
      all.given_back.pop_back();
    } else if (all.in_use.size() < kPlaces) {
      place = static_cast<std::uint32_t>(all.in_use.size());
      all.in_use.push_back(false);
    } else {
      return nullptr;
    }
    void* const begin = map_at(place, size, protection, flags);
    if (begin == MAP_FAILED) continue;
    all.in_use[place] = true;
    ++all.count;
    return begin;
  }
  return nullptr;
}

}  // namespace

std::size_t jit_areas() {
  Places& all = places();
  const std::lock_guard lock(all.mutex);
  return all.count;
}

}  // namespace runtime

using namespace runtime;

void* runtime_jit_map(void* wanted, std::size_t size, int protection, int flags, int fd,
                      off_t offset) {
  if (wanted != nullptr && fd == -1 && size <= kMostBytes && is_near(wanted)) {
    if (void* const area = map_area(size, protection, flags)) return area;
  }
  return mmap(wanted, size, protection, flags, fd, offset);
}

int runtime_jit_unmap(void* begin, std::size_t size) {
  Places& all = places();
  const std::uintptr_t below_top = top() - address(begin);
  const std::uintptr_t place = below_top / kDistance - 1;
  const std::lock_guard lock(all.mutex);
  const int result = munmap(begin, size);
  if (result == 0 && below_top % kDistance == 0 && place < all.in_use.size() && all.in_use[place]) {
    all.in_use[place] = false;
    all.given_back.push_back(static_cast<std::uint32_t>(place));
    --all.count;
  }
  return result;
}
