// Operators of strings in expressions.
#include <algorithm>

#include "docstore/document/dates.h"
#include "docstore/document/expression.h"
#include "docstore/document/number.h"

namespace runtime::document {

namespace {

using Values = std::vector<OwnedValue>;

bool give_null(OwnedValue* out) {
  *out = OwnedValue::null();
  return true;
}

bool check_text(std::string_view name, const Value& value, std::int32_t code, CommandError* error) {
  if (value.type == Type::string) return true;
  return refuse(error, location(code),
                {name, " only supports strings, not ", type_name(value.type)});
}

bool concat(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  std::string text;
  for (const OwnedValue& value : values) {
    if (value.view().is_nullish()) return give_null(out);
    if (!check_text(name, value.view(), 16702, error)) return false;
    text += value.view().text();
    if (text.size() > kLargestStoredBytes) {
      return refuse(error, Code::object_too_large,
                    {"the result of $concat is larger than a document may be"});
    }
  }
  *out = OwnedValue::string(text);
  return true;
}

// What the older operators take: numbers and dates as well, null as nothing.
bool text_of(std::string_view name, const Value& value, std::string* out, CommandError* error) {
  switch (value.type) {
    case Type::string: *out = value.text(); return true;
    case Type::int32:
    case Type::int64: *out = std::to_string(value.integer()); return true;
    case Type::real: *out = real_text(value.real()); return true;
    case Type::decimal128: *out = decimal_text(decimal_of(value)); return true;
    case Type::date: *out = iso_date(value.date()); return true;
    default: break;
  }
  if (value.is_nullish()) {
    out->clear();
    return true;
  }
  return refuse(error, location(16007),
                {name, ": can't convert from BSON type ", type_name(value.type), " to String"});
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// As MongoDB does: the letters of ASCII.
bool change_case(std::string_view name, const Values& values, OwnedValue* out,
                 CommandError* error) {
  std::string text;
  if (!text_of(name, values[0].view(), &text, error)) return false;
  std::ranges::transform(text, text.begin(), name == "$toLower" ? lower : upper);
  *out = OwnedValue::string(text);
  return true;
}

bool compare_texts(std::string_view name, const Values& values, OwnedValue* out,
                   CommandError* error) {
  std::string texts[2];
  for (std::size_t i = 0; i < 2; ++i) {
    if (!text_of(name, values[i].view(), &texts[i], error)) return false;
    std::ranges::transform(texts[i], texts[i].begin(), upper);
  }
  const int order = texts[0].compare(texts[1]);
  *out = OwnedValue::int32(order < 0 ? -1 : order > 0 ? 1 : 0);
  return true;
}

bool begins_character(char c) { return (c & 0xc0) != 0x80; }

bool length(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.type != Type::string) {
    return refuse(error, location(name == "$strLenCP" ? 34471 : 34473),
                  {name, " requires a string argument, found: ", type_name(value.type)});
  }
  std::int64_t count = 0;
  for (const char c : value.text()) count += name == "$strLenBytes" || begins_character(c) ? 1 : 0;
  *out = OwnedValue::integer(count);
  return true;
}

bool part(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  std::int64_t numbers[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const Value number = values[i + 1].view();
    std::optional<std::int64_t> whole;
    if (number.is_number()) whole = number.whole_number();
    numbers[i] = whole.value_or(-1);
    if (numbers[i] < 0) {
      const int code = whole ? (i == 0 ? 34455 : 34454) : (i == 0 ? 34450 : 34452);
      return refuse(error, location(code),
                    {name, ": ", i == 0 ? "starting index" : "length",
                     " must be a non-negative integer, but is ", to_text(number)});
    }
  }
  std::string text;
  if (!text_of(name, value, &text, error)) return false;
  std::string result;
  std::int64_t at = -1;
  for (const char c : text) {
    if (begins_character(c)) ++at;
    if (at >= numbers[0] && at - numbers[0] < numbers[1]) result += c;
  }
  *out = OwnedValue::string(result);
  return true;
}

// $substrBytes, whose older name is $substr. A length below 0 is all that is left.
bool bytes_of(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  std::string text;
  if (!text_of(name, values[0].view(), &text, error)) return false;
  std::int64_t numbers[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const Value number = values[i + 1].view();
    if (!number.is_number()) {
      return refuse(error, location(i == 0 ? 16034 : 16035),
                    {name, ":  ", i == 0 ? "starting index" : "length",
                     " must be a numeric type (is BSON type ", type_name(number.type), ")"});
    }
    numbers[i] = whole_part(number).value_or(0);
  }
  if (numbers[0] < 0) {
    return refuse(
        error, location(50752),
        {name, ":  starting index must be non-negative (got: ", std::to_string(numbers[0]), ")"});
  }
  if (static_cast<std::uint64_t>(numbers[0]) >= text.size()) {
    *out = OwnedValue::string("");
    return true;
  }
  const auto begin = static_cast<std::size_t>(numbers[0]);
  const std::size_t size =
      numbers[1] < 0 ? std::string::npos : static_cast<std::size_t>(numbers[1]);
  const std::string_view part = std::string_view(text).substr(begin, size);
  if (!begins_character(text[begin])) {
    return refuse(error, location(28656),
                  {name, ":  Invalid range, starting index is a UTF-8 continuation byte."});
  }
  if (begin + part.size() < text.size() && !begins_character(text[begin + part.size()])) {
    return refuse(error, location(28657),
                  {name, ":  Invalid range, ending index is in the middle of a UTF-8 character."});
  }
  *out = OwnedValue::string(part);
  return true;
}

bool split(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  for (const OwnedValue& value : values) {
    if (value.view().is_nullish()) return give_null(out);
    if (!check_text(name, value.view(), 40085, error)) return false;
  }
  const std::string_view text = values[0].view().text(), separator = values[1].view().text();
  if (separator.empty())
    return refuse(error, location(40087), {"$split requires a non-empty separator"});
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey index;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    writer.string(index.next(), text.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) break;
    at = end + separator.size();
  }
  writer.close(root);
  *out = OwnedValue::written(Type::array, writer);
  return true;
}

constexpr FunctionEntry kFunctions[] = {
    {"$concat", 0, 1000000, concat},  {"$toLower", 1, 1, change_case},
    {"$toUpper", 1, 1, change_case},  {"$strLenCP", 1, 1, length},
    {"$strLenBytes", 1, 1, length},   {"$substrCP", 3, 3, part},
    {"$split", 2, 2, split},          {"$strcasecmp", 2, 2, compare_texts},
    {"$substrBytes", 3, 3, bytes_of}, {"$substr", 3, 3, bytes_of},
};

}  // namespace

std::span<const FunctionEntry> text_functions() { return kFunctions; }

}  // namespace runtime::document
