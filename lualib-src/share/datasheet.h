// The compiled form of a datasheet. Little-endian:
//
//   i32 offset of the strings | i32 n | n x i32 offset of a table, from the end of this index | tables | strings
//
//   table:   i32 elements | i32 pairs | u8 type of each element, then of each pair's value, padded to 4
//            | u32 value of each element | for each pair: u32 offset of its key in the strings, u32 value
//   types:   0 nil, 1 i32, 2 float of 32 bits, 3 boolean (0, or bytes 00 00 00 01), 4 number of a table,
//            5 offset in the strings, which end with a NUL each
//
// Table 0 is the root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "share/image.h"

namespace runtime::share {

enum class SheetType : std::uint8_t { nil, integer, number, boolean, table, text };

// Writes one datasheet. Tables are numbered as they are added.
class SheetWriter {
 public:
  std::uint32_t add_table() noexcept;
  // The offset of a string. It has no NUL: it would end there when it is read.
  std::uint32_t text(std::string_view text) noexcept;

  // The content of one table; they are filled in the order of their numbers.
  void begin() noexcept;
  void element(SheetType type, std::uint32_t bits) noexcept {
    elements_.push_back({type, bits, 0});
  }
  void pair(std::uint32_t key, SheetType type, std::uint32_t bits) noexcept {
    pairs_.push_back({type, bits, key});
  }
  void end() noexcept;

  std::string finish() const noexcept;

 private:
  struct Slot {
    SheetType type;
    std::uint32_t bits;
    std::uint32_t key;
  };

  std::vector<std::uint32_t> offsets_;
  std::string tables_;
  std::string strings_;
  std::unordered_map<std::string, std::uint32_t> known_;
  std::vector<Slot> elements_;
  std::vector<Slot> pairs_;
  std::uint32_t tables_added_ = 0;
};

// The image of a compiled datasheet, from any source; none if it is malformed.
ImageRef read_sheet(std::string_view bytes) noexcept;

// The bytes of the compiled datasheet at an address, which must be one: what it says is trusted.
std::string_view sheet_at(const char* address) noexcept;

}  // namespace runtime::share
