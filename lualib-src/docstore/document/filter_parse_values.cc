// The operators whose operands are numbers, names of types and regular expressions.
#include "docstore/document/filter_arrays.h"
#include "docstore/document/filter_parse.h"
#include "docstore/document/number.h"
#include "docstore/document/type_names.h"

namespace runtime::document {

bool FilterParser::add_size(const Path& path, const bson::Element& element, FilterNodes* out) {
  const Value value(element);
  const std::optional<std::int64_t> size = value.is_number() ? value.whole_number() : std::nullopt;
  if (!size) {
    return refuse(Code::bad_value,
                  {"Failed to parse $size. Expected ",
                   value.is_number() ? "an integer" : "a number", " in: $size: ", to_text(value)});
  }
  if (*size < 0) {
    return refuse(
        Code::bad_value,
        {"Failed to parse $size. Expected a non-negative number in: $size: ", to_text(value)});
  }
  out->push_back(std::make_unique<AtPath>(path, std::make_unique<HasSize>(*size)));
  return true;
}

bool FilterParser::add_type(const Path& path, const bson::Element& element, FilterNodes* out) {
  auto test = std::make_unique<HasType>();
  const auto add_types = [&](const Value& value) {
    const std::optional<std::vector<Type>> types = types_of(value, error_);
    if (!types) return false;
    for (const Type type : *types) test->add(type);
    return true;
  };
  if (element.type == Type::array) {
    bson::Reader reader(element.value);
    bson::Element each;
    while (reader.next(&each)) {
      if (!add_types(Value(each))) return false;
    }
  } else if (!add_types(Value(element))) {
    return false;
  }
  if (test->is_empty()) {
    return refuse(Code::failed_to_parse, {path.text(), " must match at least one type"});
  }
  out->push_back(std::make_unique<AtPath>(path, std::move(test)));
  return true;
}

bool FilterParser::add_mod(const Path& path, const bson::Element& element, FilterNodes* out) {
  if (element.type != Type::array) {
    return refuse(Code::bad_value, {"malformed mod, needs to be an array"});
  }
  const std::size_t count = count_elements(element.value);
  if (count < 2) return refuse(Code::bad_value, {"malformed mod, not enough elements"});
  if (count > 2) return refuse(Code::bad_value, {"malformed mod, too many elements"});
  std::int64_t numbers[2];
  const char* const names[] = {"divisor", "remainder"};
  bson::Reader reader(element.value);
  bson::Element each;
  for (int i = 0; reader.next(&each); ++i) {
    const Value value(each);
    if (!value.is_number())
      return refuse(Code::bad_value, {"malformed mod, ", names[i], " not a number"});
    const std::optional<std::int64_t> whole = whole_part(value);
    if (!whole) {
      return refuse(Code::bad_value, {"malformed mod, ", names[i],
                                      " value is invalid :: caused by :: ", to_text(value),
                                      " is no 64-bit integer"});
    }
    numbers[i] = *whole;
  }
  if (numbers[0] == 0) return refuse(Code::bad_value, {"divisor cannot be 0"});
  out->push_back(
      std::make_unique<AtPath>(path, std::make_unique<Remainder>(numbers[0], numbers[1])));
  return true;
}

bool FilterParser::add_bits(const Path& path, const bson::Element& element, Bits::Want want,
                            FilterNodes* out) {
  const Value value(element);
  std::vector<std::uint64_t> positions;
  const auto add_bytes = [&](std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
      if ((bytes[i / 8] >> (i % 8) & 1) != 0) positions.push_back(i);
    }
  };
  if (value.is_number()) {
    const std::optional<std::int64_t> mask = value.whole_number();
    if (!mask || *mask < 0) {
      return refuse(Code::failed_to_parse,
                    {"Expected a non-negative integer: ", element.key, ": ", to_text(value)});
    }
    add_bytes({reinterpret_cast<const char*>(&*mask), sizeof *mask});
  } else if (value.type == Type::binary) {
    add_bytes(value.bytes.substr(5));
  } else if (value.is_array()) {
    bson::Reader reader(value.bytes);
    bson::Element each;
    while (reader.next(&each)) {
      const Value one(each);
      const std::optional<std::int64_t> at = one.is_number() ? one.whole_number() : std::nullopt;
      if (!at || *at < 0 || *at > 0x7fffffff) {
        return refuse(Code::bad_value,
                      {"bit positions must be integers from 0 on but got: ", to_text(one)});
      }
      positions.push_back(static_cast<std::uint64_t>(*at));
    }
  } else {
    return refuse(
        Code::bad_value,
        {element.key, " takes an Array, a number, or a BinData but received: ", to_text(value)});
  }
  out->push_back(
      std::make_unique<AtPath>(path, std::make_unique<Bits>(want, std::move(positions))));
  return true;
}

std::unique_ptr<RegexTest> FilterParser::regex(std::string_view pattern, std::string_view options) {
  std::optional<Regex> compiled = Regex::compile(pattern, options, error_);
  if (!compiled) return nullptr;
  return std::make_unique<RegexTest>(std::move(*compiled), pattern, options);
}

bool FilterParser::add_regex(const Path& path, const bson::Element& element,
                             std::string_view siblings, FilterNodes* out) {
  const Value options = field(siblings, "$options");
  if (!options.is_missing() && options.type != Type::string) {
    return refuse(Code::bad_value, {"$options has to be a string"});
  }
  std::string_view pattern, flags;
  if (element.type == Type::regex) {
    const bson::Regex parts = bson::regex_of(element);
    pattern = parts.pattern;
    flags = parts.options;
    if (!options.is_missing() && !flags.empty()) {
      return refuse(location(51075), {"options set in both $regex and $options"});
    }
  } else if (element.type == Type::string) {
    pattern = Value(element).text();
  } else {
    return refuse(Code::bad_value, {"$regex has to be a string"});
  }
  if (!options.is_missing()) flags = options.text();
  std::unique_ptr<RegexTest> test = regex(pattern, flags);
  if (test == nullptr) return false;
  out->push_back(std::make_unique<AtPath>(path, std::move(test)));
  return true;
}

}  // namespace runtime::document
