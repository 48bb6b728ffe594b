// One BSON value: its kind and its bytes. A value of kind kMissing stands for a field that is not there.
//
// Documents given to this library have passed check_document() or come out of this library; nothing here looks at the
// form of the bytes again.
//
// Ownership: a Value points into bytes that somebody else keeps; an OwnedValue has its own.
// Threads:   any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bson/reader.h"
#include "bson/types.h"
#include "bson/writer.h"
#include "docstore/document/error.h"

namespace runtime::document {

using bson::Type;
constexpr Type kMissing = Type{0};

// What MongoDB allows for a stored document: documents and arrays in each other, the outermost counts.
constexpr int kLargestDepth = 100;
// And for one that only travels: a command, or what a pipeline makes.
constexpr int kLargestMessageDepth = 200;
constexpr std::size_t kLargestStoredBytes = std::size_t{16} << 20;

struct Value {
  Type type = kMissing;
  std::string_view bytes;

  Value() = default;
  Value(Type kind, std::string_view content) : type(kind), bytes(content) {}
  explicit Value(const bson::Element& element) : type(element.type), bytes(element.value) {}

  bool is_missing() const { return type == kMissing; }
  bool is_document() const { return type == Type::document; }
  bool is_array() const { return type == Type::array; }
  bool is_container() const { return is_document() || is_array(); }
  bool is_number() const {
    return type == Type::int32 || type == Type::int64 || type == Type::real ||
           type == Type::decimal128;
  }
  // int32 and int64.
  bool is_integer() const { return type == Type::int32 || type == Type::int64; }
  bool is_nullish() const {
    return type == kMissing || type == Type::null || type == Type::undefined;
  }
  bool is_nan() const;

  // Of an int32 or int64.
  std::int64_t integer() const {
    return type == Type::int32 ? bson::number_at<std::int32_t>(bytes.data())
                               : bson::number_at<std::int64_t>(bytes.data());
  }
  // Of an int32, int64 (rounded) or real.
  double real() const {
    return type == Type::real ? bson::number_at<double>(bytes.data())
                              : static_cast<double>(integer());
  }
  bool boolean() const { return bytes[0] != 0; }
  std::int64_t date() const { return bson::number_at<std::int64_t>(bytes.data()); }
  // Of a string, symbol or code.
  std::string_view text() const { return bytes.substr(4, bytes.size() - 5); }

  // As JavaScript has it for MongoDB's filters: false, null, what is missing, and numbers that are 0 are not true.
  bool is_true() const;
  // A number without a fraction that an int64 has; a real or decimal128 may be one.
  std::optional<std::int64_t> whole_number() const;
};

inline Value document_value(std::string_view document) { return {Type::document, document}; }

// The first field of that name in a document, or in an array by its index as text; or what is missing.
Value field(std::string_view container, std::string_view name);
// Whether a document or an array has no element.
inline bool is_empty(std::string_view container) {
  return container.size() <= bson::kSmallestDocument;
}
std::size_t count_elements(std::string_view container);
// The first element; its type is kMissing where there is none.
bson::Element first_element(std::string_view container);

// Whether all bytes of the two are alike: kinds, order of fields, -0 and all.
inline bool is_identical(const Value& a, const Value& b) {
  return a.type == b.type && a.bytes == b.bytes;
}

// "string", "int", "object", ...: the names that $type knows and error messages use.
std::string_view type_name(Type type);
// As the shell of MongoDB writes it, cut at about `limit` bytes.
std::string to_text(const Value& value, std::size_t limit = 512);

class OwnedValue {
 public:
  OwnedValue() = default;
  explicit OwnedValue(const Value& value) : type_(value.type), bytes_(value.bytes) {}
  OwnedValue(Type type, std::string bytes) : type_(type), bytes_(std::move(bytes)) {}

  static OwnedValue int32(std::int32_t number);
  static OwnedValue int64(std::int64_t number);
  // An int32 where that suffices.
  static OwnedValue integer(std::int64_t number);
  static OwnedValue real(double number);
  static OwnedValue boolean(bool value);
  static OwnedValue string(std::string_view text);
  static OwnedValue date(std::int64_t ms);
  static OwnedValue null() { return {Type::null, {}}; }
  // The document or array that a writer has finished.
  static OwnedValue written(Type type, const bson::Writer& writer) {
    return {type, std::string(writer.bytes())};
  }

  Value view() const { return {type_, bytes_}; }
  Type type() const { return type_; }
  const std::string& bytes() const { return bytes_; }

 private:
  Type type_ = kMissing;
  std::string bytes_;
};

// Appends a value as it is; what is missing is left out.
inline void write(bson::Writer& writer, std::string_view key, const Value& value) {
  if (!value.is_missing()) writer.raw(value.type, key, value.bytes);
}

// Whether the bytes are one well-formed document, no deeper than `depth`, and nothing else. For what comes from a peer.
// The deprecated kind undefined is refused.
bool check_document(std::string_view bytes, int depth, CommandError* error);
// Whether a document may be stored: depth, size, and an _id (if any) that can be one: no array, no regular
// expression, no field that begins with a dollar.
bool check_storable(std::string_view document, CommandError* error);

}  // namespace runtime::document
