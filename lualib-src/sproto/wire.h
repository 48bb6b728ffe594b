// The bytes of a sproto struct, as they are read. Numbers are little endian.
//
//   +---------+--------+--------+-- --+--------------------+--------------------+--
//   | n : 2   | word 1 | word 2 | ... | length : 4 | bytes | length : 4 | bytes | ...
//   +---------+--------+--------+-- --+--------------------+--------------------+--
//     header: n words of 2 bytes        data parts, one for each word that is 0
//
// The tag starts at -1; each word adds 1. An odd word w skips (w - 1) / 2 more tags and has no value; 0 says that the
// value is the next data part; an even word holds w / 2 - 1 itself.
//
// Threads:   any; nothing is shared.
// Ownership: nothing is copied; what is given points into the bytes that were given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace runtime::sproto {

constexpr std::size_t kWordBytes = 2;
constexpr std::size_t kLengthBytes = 4;

// How deep structs may lie in one another, the outermost one counted.
constexpr int kMaxDepth = 64;

// The largest encoded struct.
constexpr std::size_t kMaxBytes = 0x1000000;

// The value that a word can hold itself is 0 .. kMaxInline.
constexpr std::int64_t kMaxInline = 0x7ffe;

template <class Number>
Number load(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

enum class Step { value, end, broken };

// Cuts the data part at the front of `bytes` off, length and content; false when it is cut short.
inline bool take_part(std::string_view& bytes, std::string_view* content) {
  if (bytes.size() < kLengthBytes) return false;
  const std::size_t size = load<std::uint32_t>(bytes.data());
  if (size > bytes.size() - kLengthBytes) return false;
  *content = bytes.substr(kLengthBytes, size);
  bytes.remove_prefix(kLengthBytes + size);
  return true;
}

// The fields of one struct, in the order of their tags.
class StructReader {
 public:
  struct Value {
    int tag = 0;
    bool is_part = false;  // the value is the data part `part`, else `number`
    std::uint16_t number = 0;
    std::string_view part;
  };

  // Nothing when the header is cut short.
  static std::optional<StructReader> open(std::string_view bytes) {
    if (bytes.size() < kWordBytes) return std::nullopt;
    const std::size_t words = load<std::uint16_t>(bytes.data());
    if (bytes.size() - kWordBytes < words * kWordBytes) return std::nullopt;
    return StructReader(bytes, words);
  }

  // The next field that has a value. `broken`: its data part is cut short.
  Step next(Value* value) {
    while (words_ != words_end_) {
      const auto word = load<std::uint16_t>(words_);
      words_ += kWordBytes;
      ++tag_;
      if (word % 2 == 1) {
        tag_ += word / 2;
        continue;
      }
      value->tag = tag_;
      value->is_part = word == 0;
      if (word != 0) {
        value->number = static_cast<std::uint16_t>(word / 2 - 1);
      } else if (!take_part(parts_, &value->part)) {
        return Step::broken;
      }
      return Step::value;
    }
    return Step::end;
  }

  // The words of the header: no more fields than that have a value.
  std::size_t words() const {
    return static_cast<std::size_t>(words_end_ - begin_) / kWordBytes - 1;
  }

  // The bytes of the struct, once next() has said `end`: any that follow are not part of it.
  std::size_t used() const { return static_cast<std::size_t>(parts_.data() - begin_); }

 private:
  StructReader(std::string_view bytes, std::size_t words)
      : begin_(bytes.data()),
        words_(begin_ + kWordBytes),
        words_end_(words_ + words * kWordBytes),
        parts_(bytes.substr(kWordBytes + words * kWordBytes)) {}

  const char* begin_;
  const char* words_;
  const char* words_end_;
  std::string_view parts_;
  int tag_ = -1;
};

// The whole number in a data part of 4 or 8 bytes; nothing for other sizes.
inline std::optional<std::int64_t> part_integer(std::string_view part) {
  if (part.size() == 4) return load<std::int32_t>(part.data());
  if (part.size() == 8) return load<std::int64_t>(part.data());
  return std::nullopt;
}

// Numbers in the data part of an array: one byte, their width, then the numbers. An empty array has no byte at all.
class NumberArray {
 public:
  // Nothing when the width is none of `narrow` and 8, or the numbers are cut short.
  static std::optional<NumberArray> open(std::string_view part, std::size_t narrow) {
    if (part.empty()) return NumberArray({}, 8);
    const auto width = static_cast<std::uint8_t>(part[0]);
    part.remove_prefix(1);
    if ((width != narrow && width != 8) || part.size() % width != 0) return std::nullopt;
    return NumberArray(part, width);
  }

  std::size_t size() const { return bytes_.size() / width_; }
  std::int64_t integer(std::size_t index) const {
    const char* at = bytes_.data() + index * width_;
    return width_ == 4 ? load<std::int32_t>(at) : load<std::int64_t>(at);
  }
  double real(std::size_t index) const { return load<double>(bytes_.data() + index * width_); }

 private:
  NumberArray(std::string_view bytes, std::size_t width) : bytes_(bytes), width_(width) {}

  std::string_view bytes_;
  std::size_t width_;
};

}  // namespace runtime::sproto
