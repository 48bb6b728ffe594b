#include "docstore/document/sort.h"

#include <algorithm>

namespace runtime::document {

std::optional<SortPattern> SortPattern::parse(std::string_view document, CommandError* error) {
  SortPattern pattern;
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    const Value value(element);
    const std::optional<std::int64_t> number =
        value.is_number() ? value.whole_number() : std::nullopt;
    if (!number || (*number != 1 && *number != -1)) {
      if (value.is_document()) {
        refuse(error, Code::bad_value, {"$meta sort of '", element.key, "' is not supported"});
      } else if (value.is_number()) {
        refuse(error, location(15975),
               {"$sort key ordering must be 1 (for ascending) or -1 (for descending)"});
      } else {
        refuse(error, location(15974),
               {"Illegal key in $sort specification: ", element.key, ": ", to_text(value)});
      }
      return {};
    }
    if (element.key.empty() || element.key.starts_with('.') || element.key.ends_with('.') ||
        element.key.find("..") != std::string_view::npos) {
      refuse(error, location(15998),
             {"FieldPath field names may not be empty strings: '", element.key, "'"});
      return {};
    }
    if (element.key.starts_with('$')) {
      refuse(error, location(16410),
             {"FieldPath field names may not start with '$': ", element.key});
      return {};
    }
    if (pattern.parts_.size() == kMostParts) {
      refuse(error, location(13103), {"too many compound keys"});
      return {};
    }
    pattern.parts_.push_back(
        {Path(element.key), *number == 1 ? Direction::ascending : Direction::descending});
  }
  return pattern;
}

namespace {

// Appends the key of the least value of the path, or the greatest.
void append_extreme(std::string_view document, const SortPattern::Part& part, std::string* key) {
  std::string best, each;
  bool is_first = true;
  const auto offer = [&](const Value& value) {
    each.clear();
    append_key(value, part.direction, &each);
    if (is_first || each < best) best.swap(each);
    is_first = false;
  };
  walk(document_value(document), part.path, Leaf::whole, [&](const Met& met) {
    if (!met.value.is_array()) {
      offer(met.value.is_missing() ? Value(Type::null, {}) : met.value);
      return false;
    }
    bson::Reader reader(met.value.bytes);
    bson::Element element;
    while (reader.next(&element)) offer(Value(element));
    // Below null.
    if (is_empty(met.value.bytes)) offer({});
    return false;
  });
  if (is_first) offer({Type::null, {}});
  *key += best;
}

}  // namespace

std::string SortPattern::key(std::string_view document) const {
  std::string key;
  for (const Part& part : parts_) append_extreme(document, part, &key);
  return key;
}

namespace {

bool precedes(const Sorter::Item& a, const Sorter::Item& b) {
  const int order = a.key.compare(b.key);
  return order != 0 ? order < 0 : a.number < b.number;
}

std::size_t weight(const Sorter::Item& item) {
  return item.key.size() + item.document.size() + sizeof(Sorter::Item);
}

}  // namespace

Sorter::Sorter(SortPattern pattern, std::uint64_t limit, std::size_t most_bytes)
    : pattern_(std::move(pattern)), limit_(limit), most_bytes_(most_bytes) {}

bool Sorter::add(std::string_view document, std::int64_t tag, CommandError* error) {
  Item item{pattern_.key(document), count_++, tag, {}};
  const bool is_full = limit_ != 0 && items_.size() == limit_;
  if (is_full && !precedes(item, items_.front())) return true;
  item.document = document;
  bytes_ += weight(item);
  if (is_full) {
    std::ranges::pop_heap(items_, precedes);
    bytes_ -= weight(items_.back());
    items_.back() = std::move(item);
    std::ranges::push_heap(items_, precedes);
  } else {
    items_.push_back(std::move(item));
    if (items_.size() == limit_) std::ranges::make_heap(items_, precedes);
  }
  if (bytes_ <= most_bytes_) return true;
  return refuse(error, Code::query_exceeded_memory_limit,
                {"Sort exceeded memory limit of ", std::to_string(most_bytes_),
                 " bytes, but did not opt in to external sorting."});
}

std::vector<Sorter::Item> Sorter::take() {
  std::ranges::sort(items_, precedes);
  bytes_ = 0;
  return std::exchange(items_, {});
}

}  // namespace runtime::document
