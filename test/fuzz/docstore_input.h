// What a fuzzer of the document store makes of its bytes: documents, either as the bytes are (rarely well-formed) or
// built from a vocabulary that the code under test knows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "docstore/document/value.h"

namespace runtime::document {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }
  bool is_at_end() const { return at_ == size_; }

  // A well-formed document of at most 100 levels; empty: the bytes gave none.
  std::string document(std::span<const std::string_view> names) {
    if (byte() % 4 == 0) return raw_document();
    bson::Writer writer;
    const std::size_t root = writer.open();
    fill(writer, Type::document, names, 0);
    writer.close(root);
    return std::string(writer.bytes());
  }

 private:
  std::string raw_document() {
    const std::string_view rest(reinterpret_cast<const char*>(data_) + at_, size_ - at_);
    if (rest.size() < 5) return {};
    const auto wanted = bson::number_at<std::uint32_t>(rest.data());
    if (wanted > rest.size()) return {};
    at_ += wanted;
    CommandError error;
    const std::string_view bytes = rest.substr(0, wanted);
    return check_document(bytes, 100, &error) ? std::string(bytes) : std::string();
  }

  void fill(bson::Writer& writer, Type type, std::span<const std::string_view> names, int depth) {
    bson::ArrayKey index;
    for (int i = byte() % 5; i > 0 && !is_at_end(); --i) {
      const std::string_view key =
          type == Type::array ? index.next() : names[byte() % names.size()];
      add(writer, key, names, depth);
    }
  }

  void add(bson::Writer& writer, std::string_view key, std::span<const std::string_view> names,
           int depth) {
    switch (byte() % 16) {
      case 0: return writer.int32(key, static_cast<std::int8_t>(byte()));
      case 1: return writer.real(key, static_cast<std::int8_t>(byte()) / 4.0);
      case 2: return writer.string(key, text());
      case 3: return writer.raw(Type::null, key, {});
      case 4: return writer.boolean(key, byte() % 2 == 0);
      case 5:
        return writer.int64(key, std::int64_t{static_cast<std::int8_t>(byte())} << (byte() % 64));
      case 6: return writer.regex(key, pattern(), byte() % 2 == 0 ? "" : "i");
      case 7: return writer.string(key, names[byte() % names.size()]);
      case 8: return writer.string(key, '$' + std::string(names[byte() % names.size()]));
      case 9:
        return writer.date(key, std::int64_t{static_cast<std::int8_t>(byte())} << (byte() % 56));
      case 10: {
        std::string bytes(16, '\0');
        for (char& each : bytes) each = static_cast<char>(byte());
        return writer.raw(Type::decimal128, key, bytes);
      }
      default: {
        if (depth == 20) return writer.raw(Type::max_key, key, {});
        const Type type = byte() % 3 == 0 ? Type::array : Type::document;
        const std::size_t opened = writer.open(type, key);
        fill(writer, type, names, depth + 1);
        writer.close(opened);
      }
    }
  }

  std::string text() {
    std::string out(byte() % 8, '\0');
    for (char& each : out) each = static_cast<char>(byte());
    return out;
  }
  std::string pattern() {
    constexpr std::string_view kLetters = "ab^$.*+?()[]|\\x{},12";
    std::string out;
    for (int i = byte() % 8; i > 0; --i) out += kLetters[byte() % kLetters.size()];
    return out;
  }

  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

// What stored documents look like.
inline constexpr std::string_view kFieldNames[] = {"_id", "a", "b", "c", "0", "1", "a.b", "$x", ""};

inline void want(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace runtime::document
