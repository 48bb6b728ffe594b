#include "docstore/document/order.h"

#include <cstring>

#include "docstore/document/number.h"

namespace runtime::document {

namespace {

template <class Number>
int order(Number a, Number b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

template <class Number>
int order_at(const Value& a, const Value& b) {
  return order(bson::number_at<Number>(a.bytes.data()), bson::number_at<Number>(b.bytes.data()));
}

// Names count in documents only.
int compare_containers(std::string_view a, std::string_view b, bool with_names) {
  bson::Reader left(a), right(b);
  bson::Element x, y;
  for (;;) {
    const bool has_left = left.next(&x);
    const bool has_right = right.next(&y);
    if (!has_left || !has_right) return order(has_left, has_right);
    if (const int by_rank = order(rank(x.type), rank(y.type)); by_rank != 0) return by_rank;
    if (with_names) {
      if (const int by_name = x.key.compare(y.key); by_name != 0) return by_name;
    }
    if (const int by_value = compare(Value(x), Value(y)); by_value != 0) return by_value;
  }
}

int compare_binaries(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return order(a.size(), b.size());
  return a.substr(4).compare(b.substr(4));
}

int compare_regexes(const Value& a, const Value& b) {
  const bson::Regex left = bson::regex_of({a.type, {}, a.bytes});
  const bson::Regex right = bson::regex_of({b.type, {}, b.bytes});
  const int by_pattern = left.pattern.compare(right.pattern);
  return by_pattern != 0 ? by_pattern : left.options.compare(right.options);
}

// The text and the document of code with a scope.
std::pair<std::string_view, std::string_view> scoped_parts(std::string_view bytes) {
  const auto size = bson::number_at<std::uint32_t>(bytes.data() + 4);
  return {bytes.substr(8, size - 1), bytes.substr(8 + size)};
}

int compare_scoped(const Value& a, const Value& b) {
  const auto [left_text, left_scope] = scoped_parts(a.bytes);
  const auto [right_text, right_scope] = scoped_parts(b.bytes);
  const int by_text = left_text.compare(right_text);
  return by_text != 0 ? by_text : compare_documents(left_scope, right_scope);
}

}  // namespace

int rank(Type type) {
  switch (type) {
    case Type::min_key: return -1;
    case Type::undefined: return 0;
    case Type::null: return 5;
    case Type::int32:
    case Type::int64:
    case Type::real:
    case Type::decimal128: return 10;
    case Type::string:
    case Type::symbol: return 15;
    case Type::document: return 20;
    case Type::array: return 25;
    case Type::binary: return 30;
    case Type::object_id: return 35;
    case Type::boolean: return 40;
    case Type::date: return 45;
    case Type::timestamp: return 47;
    case Type::regex: return 50;
    case Type::db_pointer: return 55;
    case Type::code: return 60;
    case Type::code_with_scope: return 65;
    case Type::max_key: return 127;
  }
  return 0;  // kMissing
}

int compare(const Value& a, const Value& b) {
  if (const int by_rank = order(rank(a.type), rank(b.type)); by_rank != 0) return by_rank;
  switch (a.type) {
    case Type::int32:
    case Type::int64:
    case Type::real:
    case Type::decimal128: return compare_numbers(a, b);
    case Type::string:
    case Type::symbol:
    case Type::code: return a.text().compare(b.text());
    case Type::document: return compare_containers(a.bytes, b.bytes, true);
    case Type::array: return compare_containers(a.bytes, b.bytes, false);
    case Type::binary: return compare_binaries(a.bytes, b.bytes);
    case Type::object_id: return a.bytes.compare(b.bytes);
    case Type::boolean: return order(a.boolean(), b.boolean());
    case Type::date: return order_at<std::int64_t>(a, b);
    case Type::timestamp: return order_at<std::uint64_t>(a, b);
    case Type::regex: return compare_regexes(a, b);
    case Type::db_pointer:
      return a.bytes.size() != b.bytes.size() ? order(a.bytes.size(), b.bytes.size())
                                              : a.bytes.compare(b.bytes);
    case Type::code_with_scope: return compare_scoped(a, b);
    default: return 0;
  }
}

int compare_documents(std::string_view a, std::string_view b) {
  return compare_containers(a, b, true);
}

}  // namespace runtime::document
