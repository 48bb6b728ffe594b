#include "docstore/document/key.h"

#include <algorithm>

#include "docstore/document/number.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

template <class Number>
void append_big_endian(Number number, std::string* key) {
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8) {
    key->push_back(static_cast<char>(number >> shift));
  }
}

// A zero byte becomes 00 ff; 00 01, which is less, is the end.
void append_text(std::string_view text, std::string* key) {
  for (std::size_t at = 0;;) {
    const std::size_t zero = text.find('\0', at);
    key->append(text, at, zero == std::string_view::npos ? zero : zero - at);
    if (zero == std::string_view::npos) break;
    key->append("\0\xff", 2);
    at = zero + 1;
  }
  key->append("\0\1", 2);
}

char rank_byte(Type type) { return static_cast<char>(rank(type) + 2); }

// Each element is its rank, its name (in documents) and its value; 00 is the end.
void append_elements(std::string_view container, bool with_names, std::string* key);

// What follows the rank.
void append_content(const Value& value, std::string* key) {
  switch (value.type) {
    case Type::int32:
    case Type::int64:
    case Type::real:
    case Type::decimal128: return append_number_key(value, key);
    case Type::string:
    case Type::symbol:
    case Type::code: return append_text(value.text(), key);
    case Type::document: return append_elements(value.bytes, true, key);
    case Type::array: return append_elements(value.bytes, false, key);
    case Type::binary:
      append_big_endian(static_cast<std::uint32_t>(value.bytes.size() - 5), key);
      key->append(value.bytes.substr(4));
      return;
    case Type::object_id:
    case Type::boolean: key->append(value.bytes); return;
    case Type::date:
      return append_big_endian(static_cast<std::uint64_t>(value.date()) ^ (std::uint64_t{1} << 63),
                               key);
    case Type::timestamp:
      return append_big_endian(bson::number_at<std::uint64_t>(value.bytes.data()), key);
    case Type::regex: {
      const bson::Regex regex = bson::regex_of({value.type, {}, value.bytes});
      append_text(regex.pattern, key);
      return append_text(regex.options, key);
    }
    case Type::db_pointer:
      append_big_endian(static_cast<std::uint32_t>(value.bytes.size()), key);
      key->append(value.bytes);
      return;
    case Type::code_with_scope: {
      const auto size = bson::number_at<std::uint32_t>(value.bytes.data() + 4);
      append_text(value.bytes.substr(8, size - 1), key);
      return append_elements(value.bytes.substr(8 + size), true, key);
    }
    default: return;
  }
}

void append_elements(std::string_view container, bool with_names, std::string* key) {
  bson::Reader reader(container);
  bson::Element element;
  while (reader.next(&element)) {
    key->push_back(rank_byte(element.type));
    if (with_names) key->append(element.key).push_back('\0');
    append_content(Value(element), key);
  }
  key->push_back('\0');
}

}  // namespace

void append_key(const Value& value, std::string* key) {
  key->push_back(rank_byte(value.type));
  append_content(value, key);
}

void append_key(const Value& value, Direction direction, std::string* key) {
  const std::size_t begin = key->size();
  append_key(value, key);
  if (direction == Direction::descending) invert_key(key, begin);
}

std::string key_of(const Value& value) {
  std::string key;
  append_key(value, &key);
  return key;
}

void invert_key(std::string* key, std::size_t begin) {
  for (std::size_t i = begin; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
}

std::string key_after(std::string_view prefix) {
  std::string key(prefix);
  while (!key.empty() && key.back() == '\xff') key.pop_back();
  if (!key.empty()) key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) + 1);
  return key;
}

KeyRange KeyRange::point(const Value& value) {
  std::string key = key_of(value);
  std::string after = key_after(key);
  return {std::move(key), std::move(after)};
}

KeyRange KeyRange::rank_of(Type type) {
  const std::string prefix(1, rank_byte(type));
  return {prefix, key_after(prefix)};
}

KeyRange KeyRange::below(const Value& value, Edge edge) {
  KeyRange range = rank_of(value.type);
  range.high = key_of(value);
  if (edge == Edge::included) range.high = key_after(range.high);
  return range;
}

KeyRange KeyRange::above(const Value& value, Edge edge) {
  KeyRange range = rank_of(value.type);
  range.low = key_of(value);
  if (edge == Edge::excluded) range.low = key_after(range.low);
  return range;
}

KeyRange KeyRange::intersection(const KeyRange& other) const {
  return {std::max(low, other.low), std::min(high, other.high)};
}

// A key is at or above `low` when its inverse is below all that begins with more than the inverse of `low`.
KeyRange KeyRange::inverted() const {
  KeyRange out{high, low};
  invert_key(&out.low, 0);
  invert_key(&out.high, 0);
  return {key_after(out.low), key_after(out.high)};
}

}  // namespace runtime::document
