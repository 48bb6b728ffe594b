#include "lua/jit_frames.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace runtime {
namespace {

// An area of machine code as LuaJIT lays it out: its unwind information first.
class Area {
 public:
  Area() {
    const unsigned char head[] = {0x1c, 0,   0,   0, 0, 0,    0,    0,    1,
                                  'z',  'P', 'R', 0, 1, 0x78, 0x10, 0x0a, 0};
    std::memcpy(bytes_.data(), head, sizeof head);
    bytes_[26] = 0x1b;  // addresses are relative, of 4 bytes
    put(32, 0x14);
    put(36, 0x24);
    put(40, kCode - 40);
    put(44, kCodeBytes);
  }

  void* info() { return bytes_.data(); }
  void* fde() { return bytes_.data() + 32; }
  char* code() { return reinterpret_cast<char*>(bytes_.data()) + kCode; }

  static constexpr std::uint32_t kCode = 60, kCodeBytes = 1000;

 private:
  void put(std::size_t at, std::uint32_t number) {
    std::memcpy(&bytes_[at], &number, sizeof number);
  }

  std::array<unsigned char, kCode + kCodeBytes> bytes_{};
};

TEST(JitFrames, TellsMachineCodeFromOtherCode) {
  Area area;
  EXPECT_FALSE(runtime_is_machine_code(area.code()));
  runtime_register_frame(area.info());
  EXPECT_TRUE(runtime_is_machine_code(area.code() + 1));
  EXPECT_FALSE(runtime_is_machine_code(area.code() + Area::kCodeBytes));
  runtime_deregister_frame(area.info());
  EXPECT_FALSE(runtime_is_machine_code(area.code()));
}

TEST(JitFrames, AnAreaIsFoundByEachOfItsAddressesUntilItGoes) {
  Area one, two;
  runtime_register_frame(one.info());
  runtime_register_frame(two.info());
  for (Area* area : {&one, &two}) {
    for (const std::uint32_t at : {0u, 500u, Area::kCodeBytes - 1}) {
      dwarf_eh_bases bases{area, area, nullptr};
      EXPECT_EQ(_Unwind_Find_FDE(area->code() + at, &bases), area->fde());
      EXPECT_EQ(bases.function, area->code());
      EXPECT_EQ(bases.text, nullptr);
      EXPECT_EQ(bases.data, nullptr);
    }
  }
  dwarf_eh_bases bases;
  EXPECT_EQ(_Unwind_Find_FDE(one.code() - 1, &bases), nullptr);
  runtime_deregister_frame(one.info());
  EXPECT_EQ(_Unwind_Find_FDE(one.code(), &bases), nullptr);
  EXPECT_EQ(_Unwind_Find_FDE(two.code(), &bases), two.fde());
  runtime_deregister_frame(two.info());
  EXPECT_EQ(_Unwind_Find_FDE(two.code(), &bases), nullptr);
}

TEST(JitFrames, CompiledCodeIsFoundAsBefore) {
  dwarf_eh_bases bases{};
  EXPECT_NE(_Unwind_Find_FDE(reinterpret_cast<void*>(&runtime_register_frame), &bases), nullptr);
  EXPECT_EQ(bases.function, reinterpret_cast<void*>(&runtime_register_frame));
}

}  // namespace
}  // namespace runtime
