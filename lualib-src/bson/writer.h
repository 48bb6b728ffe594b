// Builds BSON documents, one value after the other.
//
//   Writer writer;
//   const std::size_t root = writer.open();
//   writer.int32("a", 1);
//   const std::size_t list = writer.open(Type::array, "b");
//   ArrayKey key;
//   writer.string(key.next(), "x");
//   writer.close(list);
//   writer.close(root);          // writer.bytes() is the document
//
// Threads:   any one at a time.
// Ownership: the writer owns its bytes; clear() keeps the memory for the next document.
// Limits:    a document has at most kLargestDocument bytes. Once that does not suffice, the writer is
//            overflowed(): it takes further values and drops them, and its bytes are worthless.
// Checks:    none. Who gives the values sees to it that keys have no zero byte and texts are UTF-8:
//            key_fault(), is_utf8().
#pragma once

#include <cstring>
#include <string_view>

#include "base/short_bytes.h"
#include "bson/types.h"

namespace runtime::bson {

// What is wrong with a key, which ends at its first zero byte when it is read.
enum class KeyFault { none, zero, utf8 };
KeyFault odd_key_fault(std::string_view key) noexcept;
inline KeyFault key_fault(std::string_view key) {
  return is_ascii<Zero::refused>(key) ? KeyFault::none : odd_key_fault(key);
}

// The keys of an array: "0", "1", ...
class ArrayKey {
 public:
  // Valid until the next call.
  std::string_view next() noexcept;

 private:
  static constexpr int kLast = 11;

  char digits_[kLast + 1] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '0' - 1};
  int first_ = kLast;  // a place and no pointer: keys are copied
};

class Writer {
 public:
  Writer() noexcept = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  // Begins anew. Memory beyond `keep` bytes is given back.
  void clear(std::size_t keep) noexcept;

  // Begins a document: the outermost, or one that is a value of the innermost open one. Gives what
  // close() wants.
  std::size_t open() {
    reserve(kSmallestDocument);
    size_ += 4;
    return size_ - 4;
  }
  std::size_t open(Type type, std::string_view key) {
    head(type, key, 0);
    return open();
  }
  void close(std::size_t opened) {
    reserve(1);
    data_[size_++] = '\0';
    if (overflowed_) [[unlikely]]
      return;
    const auto bytes = static_cast<std::int32_t>(size_ - opened);
    std::memcpy(data_ + opened, &bytes, sizeof bytes);
  }

  void real(std::string_view key, double value) { fixed(Type::real, key, value); }
  void int32(std::string_view key, std::int32_t value) { fixed(Type::int32, key, value); }
  void int64(std::string_view key, std::int64_t value) { fixed(Type::int64, key, value); }
  void date(std::string_view key, std::int64_t ms) { fixed(Type::date, key, ms); }
  void boolean(std::string_view key, bool value) {
    fixed(Type::boolean, key, static_cast<char>(value ? 1 : 0));
  }
  void string(std::string_view key, std::string_view text) {
    char* at = head(Type::string, key, text.size() + 5);
    if (at == nullptr) [[unlikely]]
      return;
    const auto bytes = static_cast<std::int32_t>(text.size() + 1);
    std::memcpy(at, &bytes, sizeof bytes);
    at += sizeof bytes;
    copy_short(at, text.data(), text.size());
    at[text.size()] = '\0';
  }
  void binary(std::string_view key, std::uint8_t subtype, std::string_view bytes);
  void regex(std::string_view key, std::string_view pattern, std::string_view options);
  // A value as it stands in a document: what Element::value has, or none for null and its like.
  void raw(Type type, std::string_view key, std::string_view value) {
    char* const at = head(type, key, value.size());
    if (at != nullptr) copy_short(at, value.data(), value.size());
  }

  std::string_view bytes() const { return {data_, size_}; }
  bool overflowed() const { return overflowed_; }

 private:
  void reserve(std::size_t more) {
    if (more > capacity_ - size_) [[unlikely]]
      grow(more);
  }
  void grow(std::size_t more) noexcept;
  // Writes code and key. Returns where the value goes, which is to fill `value_bytes`; null when there
  // is no room. (What is written through a char* may be the writer itself, for all that the compiler
  // knows: so its fields are changed once for an element.)
  char* head(Type type, std::string_view key, std::size_t value_bytes) {
    const std::size_t bytes = key.size() + 2 + value_bytes;
    reserve(bytes);
    if (overflowed_) [[unlikely]]
      return nullptr;
    char* at = data_ + size_;
    size_ += bytes;
    *at++ = static_cast<char>(type);
    copy_short(at, key.data(), key.size());
    at += key.size();
    *at++ = '\0';
    return at;
  }
  template <class Number>
  void fixed(Type type, std::string_view key, Number value) {
    char* const at = head(type, key, sizeof value);
    if (at != nullptr) [[likely]]
      std::memcpy(at, &value, sizeof value);
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  bool overflowed_ = false;
};

}  // namespace runtime::bson
