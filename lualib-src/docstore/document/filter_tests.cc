#include "docstore/document/filter_tests.h"

#include <algorithm>
#include <cmath>

#include "docstore/document/number.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

void add_points(const Value& value, std::vector<KeyRange>* out, bool* takes_missing) {
  out->push_back(KeyRange::point(value));
  const auto add_null = [&] {
    out->push_back(KeyRange::point({Type::null, {}}));
    out->push_back(KeyRange::point({}));
  };
  if (value.is_nullish()) {
    add_null();
    *takes_missing = true;
  } else if (value.is_array()) {
    // An index has an array's elements, not the array.
    const bson::Element first = first_element(value.bytes);
    first.type == kMissing ? add_null() : out->push_back(KeyRange::point(Value(first)));
  }
}

void sort_ranges(std::vector<KeyRange>* ranges) {
  const auto less = [](const KeyRange& a, const KeyRange& b) { return a.low < b.low; };
  const auto same = [](const KeyRange& a, const KeyRange& b) { return a.low == b.low; };
  std::ranges::sort(*ranges, less);
  ranges->erase(std::unique(ranges->begin(), ranges->end(), same), ranges->end());
}

}  // namespace

bool Comparison::takes(int order) const {
  switch (relation_) {
    case Relation::equal: return order == 0;
    case Relation::less: return order < 0;
    case Relation::less_or_equal: return order <= 0;
    case Relation::greater: return order > 0;
    case Relation::greater_or_equal: return order >= 0;
  }
  return false;
}

bool Comparison::matches(const Value& value, MatchDetails*) const {
  const Value operand = operand_.view();
  if (operand.is_nullish()) return value.is_nullish() && takes(0);
  if (rank(value.type) != rank(operand.type)) {
    // These are below and above all values, and are the only ones that are compared with other ranks.
    if (operand.type == Type::max_key) return takes(-1) && relation_ != Relation::equal;
    if (operand.type == Type::min_key) return takes(1) && relation_ != Relation::equal;
    return false;
  }
  // NaN is in no order with other numbers.
  if (operand.is_nan() != value.is_nan()) return false;
  return takes(compare(value, operand));
}

void Comparison::add_bounds(const std::string& path, std::vector<PathBound>* out) const {
  const Value operand = operand_.view();
  PathBound bound;
  bound.path = path;
  if (relation_ == Relation::equal || ((operand.is_nullish() || operand.is_nan()) && takes(0))) {
    add_points(operand, &bound.ranges, &bound.takes_missing);
    bound.is_points = true;
    sort_ranges(&bound.ranges);
  } else if (operand.is_nullish() || operand.is_nan() || operand.is_array() ||
             operand.type == Type::min_key || operand.type == Type::max_key) {
    return;
  } else {
    const auto edge = takes(0) ? KeyRange::Edge::included : KeyRange::Edge::excluded;
    bound.ranges.push_back(takes(-1) ? KeyRange::below(operand, edge)
                                     : KeyRange::above(operand, edge));
  }
  out->push_back(std::move(bound));
}

Value Comparison::equality() const {
  return relation_ == Relation::equal ? operand_.view() : Value();
}

RegexTest::RegexTest(Regex regex, std::string_view pattern, std::string_view options)
    : regex_(std::move(regex)) {
  std::string bytes(pattern);
  bytes.push_back('\0');
  bytes.append(options).push_back('\0');
  literal_ = OwnedValue(Type::regex, std::move(bytes));
}

bool RegexTest::matches(const Value& value, MatchDetails* details) const {
  if (value.type == Type::string || value.type == Type::symbol) {
    return regex_.matches(value.text(), &details->regex_fault);
  }
  return value.type == Type::regex && is_equal(value, literal_.view());
}

void RegexTest::add_bounds(const std::string& path, std::vector<PathBound>* out) const {
  if (regex_.prefix().empty()) return;
  PathBound bound;
  bound.path = path;
  // The key of a string ends with two bytes of its own.
  std::string low = key_of(OwnedValue::string(regex_.prefix()).view());
  low.resize(low.size() - 2);
  std::string high = key_after(low);
  bound.ranges.push_back({std::move(low), std::move(high)});
  bound.ranges.push_back(KeyRange::point(literal_.view()));
  out->push_back(std::move(bound));
}

void OneOf::add(const Value& value) {
  values_.emplace_back(value);
  keys_.insert(key_of(value));
  if (value.is_nullish()) {
    keys_.insert(key_of({}));
    keys_.insert(key_of({Type::null, {}}));
  }
}

bool OneOf::matches(const Value& value, MatchDetails* details) const {
  if (keys_.contains(key_of(value))) return true;
  return std::ranges::any_of(regexes_,
                             [&](const auto& regex) { return regex->matches(value, details); });
}

void OneOf::add_bounds(const std::string& path, std::vector<PathBound>* out) const {
  if (!regexes_.empty()) return;
  PathBound bound;
  bound.path = path;
  bound.is_points = true;
  for (const OwnedValue& value : values_)
    add_points(value.view(), &bound.ranges, &bound.takes_missing);
  sort_ranges(&bound.ranges);
  out->push_back(std::move(bound));
}

Value OneOf::equality() const {
  return values_.size() == 1 && regexes_.empty() ? values_[0].view() : Value();
}

bool Remainder::matches(const Value& value, MatchDetails*) const {
  const std::optional<std::int64_t> number = value.is_number() ? whole_part(value) : std::nullopt;
  // The least number by -1 is the one division that a processor cannot do.
  return number && (divisor_ == -1 ? 0 : *number % divisor_) == remainder_;
}

bool Bits::matches(const Value& value, MatchDetails*) const {
  const bool is_binary = value.type == Type::binary;
  const std::optional<std::int64_t> number =
      value.is_number() ? value.whole_number() : std::nullopt;
  if (!is_binary && !number) return false;
  const std::string_view bytes = is_binary ? value.bytes.substr(5) : std::string_view();
  const auto is_set = [&](std::uint64_t position) {
    if (is_binary)
      return position / 8 < bytes.size() && (bytes[position / 8] >> (position % 8) & 1) != 0;
    return (*number >> std::min<std::uint64_t>(position, 63) & 1) != 0;
  };
  switch (want_) {
    case Want::all_set: return std::ranges::all_of(positions_, is_set);
    case Want::all_clear: return std::ranges::none_of(positions_, is_set);
    case Want::any_set: return std::ranges::any_of(positions_, is_set);
    case Want::any_clear: return !std::ranges::all_of(positions_, is_set);
  }
  return false;
}

}  // namespace runtime::document
