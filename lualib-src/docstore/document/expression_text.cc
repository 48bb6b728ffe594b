// Operators of strings in expressions.
#include "docstore/document/expression.h"

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

// As MongoDB does: the letters of ASCII.
bool change_case(std::string_view name, const Values& values, OwnedValue* out,
                 CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) {
    *out = OwnedValue::string("");
    return true;
  }
  if (!check_text(name, value, 16007, error)) return false;
  std::string text(value.text());
  const bool lower = name == "$toLower";
  for (char& c : text) {
    if (lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    if (!lower && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  *out = OwnedValue::string(text);
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
    const std::optional<std::int64_t> whole =
        number.is_number() ? number.whole_number() : std::nullopt;
    if (!whole || *whole < 0) {
      const int code = whole ? (i == 0 ? 34455 : 34454) : (i == 0 ? 34450 : 34452);
      return refuse(error, location(code),
                    {name, ": ", i == 0 ? "starting index" : "length",
                     " must be a non-negative integer, but is ", to_text(number)});
    }
    numbers[i] = *whole;
  }
  if (value.is_nullish()) {
    *out = OwnedValue::string("");
    return true;
  }
  if (!check_text(name, value, 34451, error)) return false;
  std::string result;
  std::int64_t at = -1;
  for (const char c : value.text()) {
    if (begins_character(c)) ++at;
    if (at >= numbers[0] && at - numbers[0] < numbers[1]) result += c;
  }
  *out = OwnedValue::string(result);
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
    {"$concat", 0, 1000000, concat}, {"$toLower", 1, 1, change_case},
    {"$toUpper", 1, 1, change_case}, {"$strLenCP", 1, 1, length},
    {"$strLenBytes", 1, 1, length},  {"$substrCP", 3, 3, part},
    {"$split", 2, 2, split},
};

}  // namespace

std::span<const FunctionEntry> text_functions() { return kFunctions; }

}  // namespace runtime::document
