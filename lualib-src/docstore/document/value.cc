#include "docstore/document/value.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "docstore/document/number.h"

namespace runtime::document {

namespace {

template <class Number>
OwnedValue fixed(Type type, Number number) {
  return {type, std::string(reinterpret_cast<const char*>(&number), sizeof number)};
}

}  // namespace

bool Value::is_nan() const {
  if (type == Type::real) return std::isnan(real());
  return type == Type::decimal128 && decimal_of(*this).kind == Decimal::Kind::nan;
}

bool Value::is_true() const {
  switch (type) {
    case Type::boolean: return boolean();
    case Type::int32:
    case Type::int64: return integer() != 0;
    case Type::real: return real() != 0;
    case Type::decimal128: {
      const Decimal decimal = decimal_of(*this);
      return decimal.kind != Decimal::Kind::finite || decimal.digits != 0;
    }
    default: return !is_nullish();
  }
}

std::optional<std::int64_t> Value::whole_number() const {
  if (is_integer()) return integer();
  if (type == Type::real) {
    const double number = real();
    if (std::trunc(number) != number || number < -0x1p63 || number >= 0x1p63) return {};
    return static_cast<std::int64_t>(number);
  }
  if (type != Type::decimal128) return {};
  Decimal decimal = decimal_of(*this);
  if (decimal.kind != Decimal::Kind::finite) return {};
  if (decimal.digits == 0) return 0;
  for (; decimal.exponent < 0; ++decimal.exponent) {
    if (decimal.digits % 10 != 0) return {};
    decimal.digits /= 10;
  }
  constexpr auto kMost = static_cast<unsigned __int128>(0x7fffffffffffffff);
  for (; decimal.exponent > 0 && decimal.digits <= kMost; --decimal.exponent) decimal.digits *= 10;
  if (decimal.digits > kMost) return {};
  const auto size = static_cast<std::int64_t>(decimal.digits);
  return decimal.negative ? -size : size;
}

Value field(std::string_view container, std::string_view name) {
  bson::Reader reader(container);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key == name) return Value(element);
  }
  return {};
}

std::size_t count_elements(std::string_view container) {
  bson::Reader reader(container);
  bson::Element element;
  std::size_t count = 0;
  while (reader.next(&element)) ++count;
  return count;
}

bson::Element first_element(std::string_view container) {
  bson::Reader reader(container);
  bson::Element element{kMissing, {}, {}};
  reader.next(&element);
  return element;
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::real: return "double";
    case Type::string: return "string";
    case Type::document: return "object";
    case Type::array: return "array";
    case Type::binary: return "binData";
    case Type::undefined: return "undefined";
    case Type::object_id: return "objectId";
    case Type::boolean: return "bool";
    case Type::date: return "date";
    case Type::null: return "null";
    case Type::regex: return "regex";
    case Type::db_pointer: return "dbPointer";
    case Type::code: return "javascript";
    case Type::symbol: return "symbol";
    case Type::code_with_scope: return "javascriptWithScope";
    case Type::int32: return "int";
    case Type::timestamp: return "timestamp";
    case Type::int64: return "long";
    case Type::decimal128: return "decimal";
    case Type::max_key: return "maxKey";
    case Type::min_key: return "minKey";
  }
  return "missing";
}

OwnedValue OwnedValue::int32(std::int32_t number) { return fixed(Type::int32, number); }
OwnedValue OwnedValue::int64(std::int64_t number) { return fixed(Type::int64, number); }
OwnedValue OwnedValue::integer(std::int64_t number) {
  const auto small = static_cast<std::int32_t>(number);
  return small == number ? int32(small) : int64(number);
}
OwnedValue OwnedValue::real(double number) { return fixed(Type::real, number); }
OwnedValue OwnedValue::boolean(bool value) {
  return fixed(Type::boolean, static_cast<char>(value));
}
OwnedValue OwnedValue::date(std::int64_t ms) { return fixed(Type::date, ms); }
OwnedValue OwnedValue::string(std::string_view text) {
  const auto size = static_cast<std::int32_t>(text.size() + 1);
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  bytes.append(text).push_back('\0');
  return {Type::string, std::move(bytes)};
}

bool check_document(std::string_view bytes, int depth, CommandError* error) {
  const bson::Error fault = bson::check(bytes, depth);
  if (fault.fault == bson::Fault::depth) {
    return refuse(error, Code::overflow,
                  {"Document exceeds maximum nested object depth: ", std::to_string(depth)});
  }
  if (fault.fault != bson::Fault::none) {
    char text[bson::kErrorText];
    bson::describe(fault, text);
    return refuse(error, Code::invalid_bson, {text});
  }
  if (bson::number_at<std::uint32_t>(bytes.data()) != bytes.size()) {
    return refuse(error, Code::invalid_bson, {"bytes behind the end of the document"});
  }
  return true;
}

bool check_storable(std::string_view document, CommandError* error) {
  if (document.size() > kLargestStoredBytes) {
    return refuse(error, Code::object_too_large,
                  {"object to insert too large. size in bytes: ", std::to_string(document.size()),
                   ", max size: ", std::to_string(kLargestStoredBytes)});
  }
  if (!check_document(document, kLargestDepth, error)) return false;
  const Value id = field(document, "_id");
  if (id.type == Type::array || id.type == Type::regex) {
    return refuse(error, Code::bad_value,
                  {"The '_id' value cannot be of type ", type_name(id.type)});
  }
  if (!id.is_document()) return true;
  bson::Reader reader(id.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!element.key.starts_with('$')) continue;
    return refuse(error, Code::dollar_prefixed_field_name,
                  {"_id fields may not contain '$'-prefixed fields: ", element.key,
                   " is not valid for storage."});
  }
  return true;
}

}  // namespace runtime::document
