#include "lua/jit_frames.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "base/check.h"

// The ends of this executable's own code.
extern "C" const char __executable_start, etext;
// libgcc's.
extern "C" void __register_frame(void* info);
extern "C" void __deregister_frame(void* info);

namespace runtime {
namespace {

// What LuaJIT writes (lj_err.c): a CIE of 32 bytes whose augmentation is "zPR", and one FDE.
//
//    0        4    8   9     13                          32       36    40        44      48
//   +--------+----+---+-----+---------------------------+--------+-----+---------+-------+-----
//   | length | 0  | 1 | zPR | ...  encoding of addresses| length | CIE | address | bytes | ...
//   +--------+----+---+-----+---------------------------+--------+-----+---------+-------+-----
//   CIE                                                  FDE
constexpr std::size_t kFde = 32, kAddress = 40, kBytes = 44, kEncoding = 26;
constexpr unsigned char kRelative = 0x1b;  // DW_EH_PE_pcrel | DW_EH_PE_sdata4

template <class Number>
Number number_at(const char* place) {
  Number number;
  std::memcpy(&number, place, sizeof number);
  return number;
}

// Another LuaJIT may write something else; that goes to libgcc.
bool is_known(const char* info) {
  return number_at<std::uint32_t>(info) == kFde - 4 && std::memcmp(info + 9, "zPR", 4) == 0 &&
         number_at<unsigned char>(info + kEncoding) == kRelative;
}

struct Area {
  std::uintptr_t end;
  const char* info;
};

// Never destroyed: states may live as long as the process.
struct Areas {
  std::shared_mutex mutex;
  std::map<std::uintptr_t, Area> by_begin;  // guarded by mutex
  // No area was ever outside of these: most frames are found to be none of ours without the lock.
  std::atomic<std::uintptr_t> lowest{UINTPTR_MAX}, highest{0};
};

Areas& areas() {
  static Areas& all = *new Areas;
  return all;
}

std::uintptr_t begin_of(const char* info) {
  return reinterpret_cast<std::uintptr_t>(info + kAddress) +
         number_at<std::int32_t>(info + kAddress);
}

bool in_executable(std::uintptr_t pc) {
  return pc >= reinterpret_cast<std::uintptr_t>(&__executable_start) &&
         pc < reinterpret_cast<std::uintptr_t>(&etext);
}

const void* find(std::uintptr_t pc, dwarf_eh_bases* bases) {
  Areas& all = areas();
  if (in_executable(pc) || pc < all.lowest.load(std::memory_order_relaxed) ||
      pc >= all.highest.load(std::memory_order_relaxed)) {
    return nullptr;
  }
  std::shared_lock lock(all.mutex);
  auto after = all.by_begin.upper_bound(pc);
  if (after == all.by_begin.begin()) return nullptr;
  const auto& [begin, area] = *--after;
  if (pc >= area.end) return nullptr;
  *bases = {nullptr, nullptr, reinterpret_cast<void*>(begin)};
  return area.info + kFde;
}

}  // namespace
}  // namespace runtime

using namespace runtime;

void runtime_register_frame(const void* info_of_area) {
  const auto* info = static_cast<const char*>(info_of_area);
  if (!is_known(info)) return __register_frame(const_cast<char*>(info));
  const std::uintptr_t begin = begin_of(info);
  const std::uintptr_t end = begin + number_at<std::uint32_t>(info + kBytes);
  Areas& all = areas();
  std::lock_guard lock(all.mutex);
  all.by_begin[begin] = {end, info};
  if (begin < all.lowest.load(std::memory_order_relaxed))
    all.lowest.store(begin, std::memory_order_relaxed);
  if (end > all.highest.load(std::memory_order_relaxed))
    all.highest.store(end, std::memory_order_relaxed);
}

void runtime_deregister_frame(const void* info_of_area) {
  const auto* info = static_cast<const char*>(info_of_area);
  if (!is_known(info)) return __deregister_frame(const_cast<char*>(info));
  Areas& all = areas();
  std::lock_guard lock(all.mutex);
  all.by_begin.erase(begin_of(info));
}

bool runtime_is_machine_code(const void* pc) {
  dwarf_eh_bases bases;
  return find(reinterpret_cast<std::uintptr_t>(pc), &bases) != nullptr;
}

const void* _Unwind_Find_FDE(void* pc, dwarf_eh_bases* bases) {
  if (const void* found = find(reinterpret_cast<std::uintptr_t>(pc), bases)) return found;
  using Find = const void* (*)(void*, dwarf_eh_bases*);
  static const Find next = reinterpret_cast<Find>(dlsym(RTLD_NEXT, "_Unwind_Find_FDE"));
  RUNTIME_CHECK(next != nullptr, "libgcc's unwinder is a shared library");
  return next(pc, bases);
}
