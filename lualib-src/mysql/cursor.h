// Reads the fields of a packet of MySQL's protocol, one after the other. Numbers have their lowest
// byte first.
//
// A field that is not whole makes the cursor fail; that field and all that follow are then empty or
// 0. So a parser reads all it wants, and asks once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace runtime::mysql {

// In the place of a length: there is no value.
inline constexpr unsigned char kNull = 0xfb;

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  [[nodiscard]] std::string_view rest() const { return bytes_; }
  void fail() {
    failed_ = true;
    bytes_ = {};
  }

  std::string_view bytes(std::size_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const std::string_view field = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return field;
  }

  // Of 1 to 8 bytes.
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    static_assert(std::endian::native == std::endian::little);
    const std::string_view field = bytes(size);
    if (!field.empty()) std::memcpy(&value, field.data(), size);
    return value;
  }

  // A number whose first byte tells its size. kNull and 0xff are none: they fail.
  std::uint64_t length() {
    const auto first = static_cast<unsigned char>(number(1));
    switch (first) {
      case 0xfc: return number(2);
      case 0xfd: return number(3);
      case 0xfe: return number(8);
      case 0xff:
      case kNull: fail(); return 0;
      default: return first;
    }
  }

  // Bytes with their length in front.
  [[gnu::always_inline]] std::string_view text() {
    if (!bytes_.empty()) {
      const std::size_t size = static_cast<unsigned char>(bytes_.front());
      if (size < kNull && size < bytes_.size()) {
        const std::string_view field{bytes_.data() + 1, size};
        bytes_.remove_prefix(size + 1);
        return field;
      }
    }
    return long_text();
  }

  // The same, at leisure.
  std::string_view long_text() {
    const std::uint64_t size = length();
    if (size <= bytes_.size()) return bytes(static_cast<std::size_t>(size));
    fail();
    return {};
  }

  // Bytes up to a zero, which is taken as well.
  std::string_view until_zero() {
    const std::size_t size = bytes_.find('\0');
    if (size == std::string_view::npos) {
      fail();
      return {};
    }
    const std::string_view field = bytes(size);
    bytes(1);
    return field;
  }

  // Takes a NULL, if one comes next.
  bool null() {
    if (bytes_.empty() || static_cast<unsigned char>(bytes_.front()) != kNull) return false;
    bytes_.remove_prefix(1);
    return true;
  }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

}  // namespace runtime::mysql
