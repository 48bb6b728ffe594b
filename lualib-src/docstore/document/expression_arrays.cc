// Operators of arrays and documents in expressions.
#include <algorithm>

#include "docstore/document/accumulator.h"
#include "docstore/document/expression.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

using Values = std::vector<OwnedValue>;

std::vector<Value> elements_of(std::string_view array) {
  std::vector<Value> out;
  bson::Reader reader(array);
  bson::Element element;
  while (reader.next(&element)) out.emplace_back(element);
  return out;
}

OwnedValue array_of(const std::vector<Value>& values) {
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey index;
  for (const Value& value : values) write(writer, index.next(), value);
  writer.close(root);
  return OwnedValue::written(Type::array, writer);
}

bool size(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (!value.is_array()) {
    return refuse(
        error, location(17124),
        {"The argument to $size must be an array, but was of type: ", type_name(value.type)});
  }
  *out = OwnedValue::int32(static_cast<std::int32_t>(count_elements(value.bytes)));
  return true;
}

bool is_array(std::string_view, const Values& values, OwnedValue* out, CommandError*) {
  *out = OwnedValue::boolean(values[0].view().is_array());
  return true;
}

struct NumberCodes {
  int no_number, too_large;
};

// Of a double, only one without a fraction is such a number.
bool take_int32(const Value& value, NumberCodes codes, std::string_view what, std::int64_t* out,
                CommandError* error) {
  if (!value.is_number()) {
    return refuse(error, location(codes.no_number),
                  {what, " must be a numeric value, but is ", type_name(value.type)});
  }
  const std::optional<std::int64_t> whole = value.whole_number();
  if (!whole || *whole > INT32_MAX || *whole < INT32_MIN) {
    return refuse(error, location(codes.too_large),
                  {what, " must be representable as a 32-bit integer: ", to_text(value)});
  }
  *out = *whole;
  return true;
}

bool element_at(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const Value array = values[0].view();
  const Value place = values.size() > 1 ? values[1].view() : Value();
  if (array.is_nullish() || (values.size() > 1 && place.is_nullish())) {
    *out = OwnedValue::null();
    return true;
  }
  if (!array.is_array()) {
    return refuse(error, location(28689),
                  {name, "'s first argument must be an array, but is ", type_name(array.type)});
  }
  std::int64_t at = name == "$last" ? -1 : 0;
  if (values.size() > 1 &&
      !take_int32(place, {28690, 28691}, "$arrayElemAt's second argument", &at, error)) {
    return false;
  }
  const std::vector<Value> elements = elements_of(array.bytes);
  const auto count = static_cast<std::int64_t>(elements.size());
  if (at < 0) at += count;
  if (at >= 0 && at < count) *out = OwnedValue(elements[static_cast<std::size_t>(at)]);
  return true;
}

bool contains(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  if (!values[1].view().is_array()) {
    return refuse(
        error, location(40081),
        {"$in requires an array as a second argument, found: ", type_name(values[1].type())});
  }
  *out = OwnedValue::boolean(
      std::ranges::any_of(elements_of(values[1].bytes()),
                          [&](const Value& each) { return is_equal(each, values[0].view()); }));
  return true;
}

bool concatenate(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  std::vector<Value> all;
  std::size_t bytes = 0;
  for (const OwnedValue& value : values) {
    if (value.view().is_nullish()) {
      *out = OwnedValue::null();
      return true;
    }
    if (!value.view().is_array()) {
      return refuse(error, location(28664),
                    {"$concatArrays only supports arrays, not ", type_name(value.type())});
    }
    bytes += value.bytes().size();
    if (!check_made_bytes(bytes, error)) return false;
    const std::vector<Value> elements = elements_of(value.bytes());
    all.insert(all.end(), elements.begin(), elements.end());
  }
  *out = array_of(all);
  return true;
}

bool reverse(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  if (values[0].view().is_nullish()) {
    *out = OwnedValue::null();
    return true;
  }
  if (!values[0].view().is_array()) {
    return refuse(error, location(34435),
                  {"The argument to $reverseArray must be an array, but was of type: ",
                   type_name(values[0].type())});
  }
  std::vector<Value> elements = elements_of(values[0].bytes());
  std::ranges::reverse(elements);
  *out = array_of(elements);
  return true;
}

bool slice(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  for (const OwnedValue& value : values) {
    if (value.view().is_nullish()) {
      *out = OwnedValue::null();
      return true;
    }
  }
  if (!values[0].view().is_array()) {
    return refuse(error, location(28724),
                  {"First argument to $slice must be an array, but is of type: ",
                   type_name(values[0].type())});
  }
  std::int64_t numbers[2] = {0, 0};
  if (!take_int32(values[1].view(), {28725, 28726}, "Second argument to $slice", &numbers[0],
                  error)) {
    return false;
  }
  if (values.size() == 3 && !take_int32(values[2].view(), {28727, 28728},
                                        "Third argument to $slice", &numbers[1], error)) {
    return false;
  }
  const std::vector<Value> elements = elements_of(values[0].bytes());
  const auto count = static_cast<std::int64_t>(elements.size());
  std::int64_t begin = 0, length = numbers[0];
  if (values.size() == 3) {
    if (numbers[1] <= 0) {
      return refuse(error, location(28729),
                    {"Third argument to $slice must be positive: ", std::to_string(numbers[1])});
    }
    begin = numbers[0] < 0 ? std::max<std::int64_t>(0, count + numbers[0])
                           : std::min(count, numbers[0]);
    length = numbers[1];
  } else if (length < 0) {
    begin = std::max<std::int64_t>(0, count + length);
    length = -length;
  }
  const std::int64_t end = std::min(count, begin + length);
  *out = array_of({elements.begin() + begin, elements.begin() + end});
  return true;
}

bool merge(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const std::unique_ptr<Accumulator> all = make_accumulator(name);
  const bool is_list = values.size() == 1 && values[0].view().is_array();
  for (const Value& value : is_list ? elements_of(values[0].bytes()) : std::vector<Value>()) {
    if (!all->add(value, error)) return false;
  }
  for (const OwnedValue& value : values) {
    if (!is_list && !all->add(value.view(), error)) return false;
  }
  *out = all->result();
  return true;
}

bool to_array(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) {
    *out = OwnedValue::null();
    return true;
  }
  if (!value.is_document()) {
    return refuse(error, location(40390),
                  {"$objectToArray requires a document input, found: ", type_name(value.type)});
  }
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey index;
  bson::Reader reader(value.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    const std::size_t pair = writer.open(Type::document, index.next());
    writer.string("k", element.key);
    write(writer, "v", Value(element));
    writer.close(pair);
  }
  writer.close(root);
  *out = OwnedValue::written(Type::array, writer);
  return true;
}

bool to_document(std::string_view name, const Values& values, OwnedValue* out,
                 CommandError* error) {
  const Value array = values[0].view();
  if (array.is_nullish()) {
    *out = OwnedValue::null();
    return true;
  }
  if (!array.is_array()) {
    return refuse(error, location(40386),
                  {name, " requires an array input, found: ", type_name(array.type)});
  }
  const std::unique_ptr<Accumulator> all = make_accumulator("$mergeObjects");
  for (const Value& pair : elements_of(array.bytes)) {
    const Value key =
        pair.is_container() ? field(pair.bytes, pair.is_array() ? "0" : "k") : Value();
    const Value value =
        pair.is_container() ? field(pair.bytes, pair.is_array() ? "1" : "v") : Value();
    if (key.type != Type::string || value.is_missing() ||
        key.text().find('\0') != std::string_view::npos) {
      return refuse(error, location(40392),
                    {name, " requires pairs of a string and a value, found: ", to_text(pair)});
    }
    bson::Writer writer;
    const std::size_t root = writer.open();
    write(writer, key.text(), value);
    writer.close(root);
    if (!all->add(document_value(writer.bytes()), error)) return false;
  }
  *out = all->result();
  return true;
}

constexpr std::size_t kAnyNumber = 1000000;
constexpr FunctionEntry kFunctions[] = {
    {"$size", 1, 1, size},
    {"$isArray", 1, 1, is_array},
    {"$arrayElemAt", 2, 2, element_at},
    {"$first", 1, 1, element_at},
    {"$last", 1, 1, element_at},
    {"$in", 2, 2, contains},
    {"$concatArrays", 0, kAnyNumber, concatenate},
    {"$reverseArray", 1, 1, reverse},
    {"$slice", 2, 3, slice},
    {"$mergeObjects", 0, kAnyNumber, merge},
    {"$objectToArray", 1, 1, to_array},
    {"$arrayToObject", 1, 1, to_document},
};

}  // namespace

std::span<const FunctionEntry> array_functions() { return kFunctions; }

}  // namespace runtime::document
