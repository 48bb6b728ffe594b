// Random values and documents: few names and few values, so that much is equal or nearly so.
#pragma once

#include <random>
#include <string>

#include "docstore/document/value.h"

namespace runtime::document {

class RandomDocuments {
 public:
  explicit RandomDocuments(unsigned seed) : random_(seed) {}

  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  template <class T, std::size_t count>
  const T& one_of(const T (&values)[count]) {
    return values[random_() % count];
  }

  std::string document(int depth = 3) {
    bson::Writer writer;
    const std::size_t root = writer.open();
    fill(writer, Type::document, depth);
    writer.close(root);
    return std::string(writer.bytes());
  }

  OwnedValue value(int depth = 3) {
    bson::Writer writer;
    const std::size_t root = writer.open();
    add(writer, "v", depth);
    writer.close(root);
    return OwnedValue(field(writer.bytes(), "v"));
  }

 private:
  void fill(bson::Writer& writer, Type type, int depth) {
    constexpr std::string_view kNames[] = {"a", "b", "c", "", "a\x01", "0", "1"};
    bson::ArrayKey index;
    const bool is_array = type == Type::array;
    for (int i = below(4); i > 0; --i)
      add(writer, is_array ? index.next() : one_of(kNames), depth - 1);
  }

  void add(bson::Writer& writer, std::string_view key, int depth) {
    constexpr std::string_view kTexts[] = {{"", 0},    {"\0", 1},   {"\0\0", 2}, {"a", 1},
                                           {"a\0", 2}, {"a\0b", 3}, {"b", 1},    {"\xff", 1}};
    constexpr double kReals[] = {0.0,
                                 -0.0,
                                 1,
                                 -1,
                                 0.1,
                                 0.5,
                                 1e300,
                                 -1e300,
                                 5e-324,
                                 9007199254740992.0,
                                 9223372036854775808.0,
                                 -9223372036854775808.0,
                                 __builtin_nan(""),
                                 __builtin_inf(),
                                 -__builtin_inf()};
    constexpr std::int64_t kIntegers[] = {0,
                                          1,
                                          -1,
                                          2,
                                          9007199254740991,
                                          9007199254740992,
                                          9007199254740993,
                                          0x7fffffffffffffff,
                                          -0x7fffffffffffffff - 1,
                                          -9007199254740993};
    const auto text = [&] { return one_of(kTexts); };
    switch (below(depth > 0 ? 19 : 16)) {
      case 0: return writer.int32(key, static_cast<std::int32_t>(below(5) - 2));
      case 1: return writer.int64(key, one_of(kIntegers));
      case 2: return writer.real(key, one_of(kReals));
      case 3: return decimal(writer, key);
      case 4: return writer.string(key, text());
      case 5: return writer.raw(Type::symbol, key, OwnedValue::string(text()).bytes());
      case 6: return writer.raw(Type::code, key, OwnedValue::string(text()).bytes());
      case 7: return writer.binary(key, static_cast<std::uint8_t>(below(2)), text());
      case 8: return writer.boolean(key, below(2) == 0);
      case 9: return writer.date(key, one_of(kIntegers));
      case 10:
        return writer.raw(Type::timestamp, key, OwnedValue::int64(one_of(kIntegers)).bytes());
      case 11: return writer.raw(Type::null, key, {});
      case 12: return writer.raw(below(2) == 0 ? Type::min_key : Type::max_key, key, {});
      case 13: return writer.regex(key, below(2) == 0 ? "a" : "ab", below(2) == 0 ? "" : "i");
      case 14:
        return writer.raw(Type::object_id, key, std::string(12, static_cast<char>(below(3) - 1)));
      case 15:
        return writer.raw(
            Type::db_pointer, key,
            OwnedValue::string(text()).bytes() + std::string(12, static_cast<char>(below(2))));
      default: {
        const Type type = below(2) == 0 ? Type::document : Type::array;
        const std::size_t opened = writer.open(type, key);
        fill(writer, type, depth);
        writer.close(opened);
      }
    }
  }

  void decimal(bson::Writer& writer, std::string_view key) {
    constexpr int kExponents[] = {0, 0, -1, -1, 1, -20, 15, -6176, 6111};
    const auto exponent = static_cast<std::uint64_t>(one_of(kExponents) + 6176);
    std::uint64_t parts[2] = {static_cast<std::uint64_t>(below(11)), exponent << 49};
    switch (below(8)) {
      case 0: parts[0] = 9007199254740993; break;
      case 1: parts[1] = std::uint64_t{0x78} << 56; break;  // infinity
      case 2: parts[1] = std::uint64_t{0x7c} << 56; break;  // NaN
      case 3: parts[1] |= 1; break;                         // more than 64 bits of digits
      default: break;
    }
    if (below(2) == 0) parts[1] |= std::uint64_t{1} << 63;
    writer.raw(Type::decimal128, key, {reinterpret_cast<const char*>(parts), sizeof parts});
  }

  std::mt19937 random_;
};

}  // namespace runtime::document
