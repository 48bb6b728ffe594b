// Walks the elements of a BSON document.
//
//   Reader reader(bytes);
//   Element element;
//   while (reader.next(&element)) { ... }
//   if (reader.error().fault != Fault::none) ...
//
// Nothing in the bytes is trusted: a Reader looks only at the bytes it was given, and an element that
// next() gave can be used with the functions below without a further check. A document inside is
// bounded, not checked: it is read by a Reader of its own, so the caller decides how deep to go.
//
// Threads:   any one at a time.
// Ownership: none. Reader and elements point into the bytes.
#pragma once

#include <cstring>
#include <string_view>

#include "base/short_bytes.h"
#include "bson/types.h"

namespace runtime::bson {

enum class Fault : std::uint8_t {
  none,
  block,          // `need` bytes where `have` are left
  key,            // a key, or a part of a regular expression, without a zero byte
  end,            // no zero byte at the end of a document
  string_length,  // of `need`
  string_end,     // no zero byte at the end of a string
  type,           // an unknown code, `need`
  depth,          // more than `need` documents in each other
};

struct Error {
  Fault fault = Fault::none;
  std::int64_t have = 0;
  std::int64_t need = 0;
};

// What the error says to the caller of bson.decode, in at most kErrorText bytes with the zero byte.
constexpr std::size_t kErrorText = 96;
void describe(const Error& error, char* text) noexcept;

struct Element {
  Type type;
  std::string_view key;
  std::string_view value;  // all bytes of the value, its length included
};

template <class Number>
inline Number number_at(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}
// The value of a real, int32, int64, date or timestamp.
template <class Number>
inline Number number_of(const Element& element) {
  return number_at<Number>(element.value.data());
}
inline bool boolean_of(const Element& element) { return element.value[0] != 0; }
// The text of a string, code or symbol.
inline std::string_view text_of(const Element& element) {
  return element.value.substr(4, element.value.size() - 5);
}
struct Binary {
  std::uint8_t subtype;
  std::string_view bytes;
};
inline Binary binary_of(const Element& element) {
  return {static_cast<std::uint8_t>(element.value[4]), element.value.substr(5)};
}
struct Regex {
  std::string_view pattern;
  std::string_view options;
};
inline Regex regex_of(const Element& element) {
  const std::size_t zero = element.value.find('\0');
  return {element.value.substr(0, zero),
          element.value.substr(zero + 1, element.value.size() - zero - 2)};
}

// Measures a value of kind `type` at the start of `bytes`: how many bytes it takes; 0, and *error,
// when it is cut or wrong. Kinds without a value (null, the extreme keys) also give 0, without an
// error.
std::size_t measure(Type type, std::string_view bytes, Error* error) noexcept;

// Whether the document at the start of `bytes` and all that is in it can be read, with at most
// `depth` documents around a value (the outermost counts). Gives the first error.
Error check(std::string_view bytes, int depth) noexcept;

// The document that lies at `address`, as long as it says it is. For memory whose size nobody knows.
inline std::string_view document_at(const void* address) {
  const auto* bytes = static_cast<const char*>(address);
  const auto size = number_at<std::int32_t>(bytes);
  return {bytes, size < 4 ? 4 : static_cast<std::size_t>(size)};
}

// How many bytes a value takes, by the code of its kind; kNotFixed when that is not always the same.
constexpr std::uint8_t kNotFixed = 0xff;
struct FixedBytes {
  constexpr FixedBytes() {
    for (auto& size : bytes) size = kNotFixed;
    for (const Type type : {Type::real, Type::date, Type::timestamp, Type::int64}) set(type, 8);
    for (const Type type : {Type::null, Type::min_key, Type::max_key}) set(type, 0);
    set(Type::object_id, kObjectIdBytes);
    set(Type::boolean, 1);
    set(Type::int32, 4);
    set(Type::decimal128, 16);
  }
  constexpr void set(Type type, std::uint8_t size) {
    bytes[static_cast<std::uint8_t>(type)] = size;
  }
  std::uint8_t bytes[256] = {};
};
constexpr FixedBytes kFixedBytes{};

class Reader {
 public:
  // `bytes` begin with a document and may go on behind it.
  explicit Reader(std::string_view bytes) noexcept {
    const auto have = static_cast<std::int64_t>(bytes.size());
    const std::int64_t need = have < 4 ? 4 : number_at<std::int32_t>(bytes.data());
    if (need < static_cast<std::int64_t>(kSmallestDocument) || need > have) {
      error_ = {Fault::block, have, need};
    } else if (bytes[static_cast<std::size_t>(need) - 1] != '\0') {
      error_ = {Fault::end, 0, 0};
    } else {
      at_ = bytes.data() + 4;
      end_ = bytes.data() + need - 1;
    }
  }

  // The next element. False at the end, and at the first fault: error() tells which.
  bool next(Element* element) noexcept { return take(element); }
  // The same, compiled into the caller.
  [[gnu::always_inline]] bool take(Element* element) noexcept {
    if (at_ == end_) return false;
    const char* const key = at_ + 1;
    const char* zero = key;
    while (*zero != '\0') ++zero;  // there is one at the end
    const auto code = static_cast<std::uint8_t>(*at_);
    if (zero == end_) return fail({Fault::key, 0, 0});
    const char* const value = zero + 1;
    const auto left = static_cast<std::size_t>(end_ - value);
    std::size_t size = kFixedBytes.bytes[code];
    if (size == kNotFixed && !quick_size(code, value, left, &size)) {
      if (!measure_next(code, {value, left}, &size)) return false;
    }
    if (size > left) [[unlikely]] {
      return fail({Fault::block, static_cast<std::int64_t>(left), static_cast<std::int64_t>(size)});
    }
    element->type = static_cast<Type>(code);
    element->key = {key, static_cast<std::size_t>(zero - key)};
    element->value = {value, size};
    at_ = value + size;
    return true;
  }

  // Takes the next element if it has this key and is of a usual kind. False, and as if nothing had been asked, for any
  // other, and for what is wrong.
  [[gnu::always_inline]] bool take_expected(std::string_view key, Element* element) noexcept {
    const std::size_t key_size = key.size();
    const auto have = static_cast<std::size_t>(end_ - at_);
    if (have < key_size + 2 || at_[key_size + 1] != '\0' ||
        !same_short(at_ + 1, key.data(), key_size))
      return false;
    const char* const value = at_ + key_size + 2;
    const std::size_t left = have - key_size - 2;
    const auto code = static_cast<std::uint8_t>(*at_);
    std::size_t size = kFixedBytes.bytes[code];
    if ((size == kNotFixed && !quick_size(code, value, left, &size)) || size > left) return false;
    element->type = static_cast<Type>(code);
    element->key = {at_ + 1, key_size};
    element->value = {value, size};
    at_ = value + size;
    return true;
  }

  // Whether there was no fault, and no element is left.
  bool at_end() const { return at_ == end_ && error_.fault == Fault::none; }

  const Error& error() const { return error_; }

 private:
  // The size of the usual kinds that are not fixed; false for others, and for what is wrong.
  static bool quick_size(std::uint8_t code, const char* value, std::size_t left,
                         std::size_t* size) {
    if (left < kSmallestDocument) return false;
    const auto bytes = static_cast<std::size_t>(number_at<std::uint32_t>(value));
    if (code == static_cast<std::uint8_t>(Type::string)) {
      *size = bytes + 4;
      return bytes > 0 && *size <= left && value[*size - 1] == '\0';
    }
    *size = bytes;
    return (code == static_cast<std::uint8_t>(Type::document) ||
            code == static_cast<std::uint8_t>(Type::array)) &&
           bytes >= kSmallestDocument && bytes <= left;
  }

  [[gnu::noinline]] bool measure_next(std::uint8_t code, std::string_view bytes,
                                      std::size_t* size) {
    Error error;
    *size = measure(static_cast<Type>(code), bytes, &error);
    return error.fault == Fault::none || fail(error);
  }

  [[gnu::noinline]] bool fail(const Error& error) {
    error_ = error;
    at_ = end_;
    return false;
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;  // the zero byte at the end
  Error error_;
};

}  // namespace runtime::bson
