// Operators that take arrays for sets, and others that make or search an array: order and repetition of what is in a set
// do not count.
#include <algorithm>
#include <set>

#include "docstore/document/expression.h"
#include "docstore/document/key.h"
#include "docstore/document/node.h"
#include "docstore/document/push_order.h"

namespace runtime::document {

namespace {

using Values = std::vector<OwnedValue>;

bool give_null(OwnedValue* out) {
  *out = OwnedValue::null();
  return true;
}

// The keys of an array's elements.
std::set<std::string> keys_of(std::string_view array) {
  std::set<std::string> keys;
  bson::Reader reader(array);
  bson::Element element;
  while (reader.next(&element)) keys.insert(key_of(Value(element)));
  return keys;
}

// Appends those of the array's elements that `wants` takes by their key, each once.
template <class Wants>
bool append_once(std::string_view array, std::set<std::string>* seen, bson::ArrayKey* index,
                 bson::Writer* writer, Wants wants, CommandError* error) {
  bson::Reader reader(array);
  bson::Element element;
  while (reader.next(&element)) {
    std::string key = key_of(Value(element));
    if (!wants(key) || !seen->insert(std::move(key)).second) continue;
    write(*writer, index->next(), Value(element));
    if (!check_made_bytes(writer->bytes().size(), error)) return false;
  }
  return true;
}

bool refuse_no_array(std::string_view name, const Value& value, std::int32_t code,
                     CommandError* error) {
  return refuse(error, location(code),
                {"All operands of ", name,
                 " must be arrays. One argument is of type: ", type_name(value.type)});
}

// $setUnion, $setIntersection, $setDifference. The elements come in their order: another one than MongoDB's, which says
// that there is none.
bool combine(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const std::int32_t code = name == "$setUnion"          ? 17043
                            : name == "$setIntersection" ? 17047
                                                         : 17048;
  for (const OwnedValue& value : values) {
    if (value.view().is_nullish()) return give_null(out);
    if (!value.view().is_array()) return refuse_no_array(name, value.view(), code, error);
  }
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey index;
  std::set<std::string> seen;
  if (name == "$setUnion") {
    const auto all = [](const std::string&) { return true; };
    for (const OwnedValue& value : values) {
      if (!append_once(value.bytes(), &seen, &index, &writer, all, error)) return false;
    }
  } else if (!values.empty()) {
    std::vector<std::set<std::string>> others;
    for (std::size_t i = 1; i < values.size(); ++i) others.push_back(keys_of(values[i].bytes()));
    const bool wanted = name == "$setIntersection";
    const auto wants = [&](const std::string& key) {
      return std::ranges::all_of(others,
                                 [&](const auto& keys) { return keys.contains(key) == wanted; });
    };
    if (!append_once(values[0].bytes(), &seen, &index, &writer, wants, error)) return false;
  }
  writer.close(root);
  *out = OwnedValue::written(Type::array, writer);
  return true;
}

// $setEquals and $setIsSubset.
bool compare_sets(std::string_view name, const Values& values, OwnedValue* out,
                  CommandError* error) {
  std::vector<std::set<std::string>> sets;
  for (const OwnedValue& value : values) {
    if (!value.view().is_array()) {
      const std::int32_t code = name == "$setEquals" ? 17044 : sets.empty() ? 17046 : 17042;
      return refuse_no_array(name, value.view(), code, error);
    }
    sets.push_back(keys_of(value.bytes()));
  }
  const bool result =
      name == "$setEquals"
          ? std::ranges::all_of(sets, [&](const auto& set) { return set == sets[0]; })
          : std::ranges::includes(sets[1], sets[0]);
  *out = OwnedValue::boolean(result);
  return true;
}

// $anyElementTrue and $allElementsTrue.
bool ask_elements(std::string_view name, const Values& values, OwnedValue* out,
                  CommandError* error) {
  const bool all = name == "$allElementsTrue";
  if (!values[0].view().is_array()) {
    return refuse(error, location(all ? 17040 : 17041),
                  {name, "'s argument must be an array, but is ", type_name(values[0].type())});
  }
  bool result = all;
  bson::Reader reader(values[0].bytes());
  bson::Element element;
  while (result == all && reader.next(&element)) result = Value(element).is_true();
  *out = OwnedValue::boolean(result);
  return true;
}

std::optional<std::int32_t> int32_of(const Value& value) {
  const std::optional<std::int64_t> whole = value.is_number() ? value.whole_number() : std::nullopt;
  if (!whole || static_cast<std::int32_t>(*whole) != *whole) return {};
  return static_cast<std::int32_t>(*whole);
}

bool range(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  std::int32_t numbers[3] = {0, 0, 1};
  static constexpr std::string_view kNames[] = {"start", "end", "step"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value value = values[i].view();
    const std::optional<std::int32_t> number = int32_of(value);
    if (!number) {
      // One code for what is no number, the next one for what no int32 can be.
      const auto code = static_cast<std::int32_t>(34443 + 2 * i + (value.is_number() ? 1 : 0));
      return refuse(error, location(code),
                    {"$range requires a ", kNames[i],
                     " that a 32-bit integer can be, found: ", to_text(value)});
    }
    numbers[i] = *number;
  }
  const auto [start, end, step] = numbers;
  if (step == 0) return refuse(error, location(34449), {"$range requires a non-zero step value"});
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey index;
  for (std::int64_t at = start; step > 0 ? at < end : at > end; at += step) {
    writer.int32(index.next(), static_cast<std::int32_t>(at));
    if (!check_made_bytes(writer.bytes().size(), error)) return false;
  }
  writer.close(root);
  *out = OwnedValue::written(Type::array, writer);
  return true;
}

// [array, wanted, from, to]
bool index_of(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (values[0].view().is_nullish()) return give_null(out);
  if (!values[0].view().is_array()) {
    return refuse(
        error, location(40090),
        {name, " requires an array as a first argument, found: ", type_name(values[0].type())});
  }
  std::int64_t bounds[2] = {0, 0x7fffffff};
  for (std::size_t i = 2; i < values.size(); ++i) {
    const std::optional<std::int32_t> bound = int32_of(values[i].view());
    if (!bound || *bound < 0) {
      return refuse(error, location(bound ? 40097 : 40096),
                    {name, " requires integral bounds that are not negative, found: ",
                     to_text(values[i].view())});
    }
    bounds[i - 2] = *bound;
  }
  const std::string wanted = key_of(values[1].view());
  bson::Reader reader(values[0].bytes());
  bson::Element element;
  *out = OwnedValue::int32(-1);
  for (std::int32_t i = 0; reader.next(&element) && i < bounds[1]; ++i) {
    if (i < bounds[0] || key_of(Value(element)) != wanted) continue;
    *out = OwnedValue::int32(i);
    break;
  }
  return true;
}

// {input: array, sortBy: 1, -1 or fields}: the argument is a document whose fields have been evaluated.
bool sort_array(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const Value spec = values[0].view();
  if (!spec.is_document()) {
    return refuse(error, location(2942500), {name, " requires an object as an argument"});
  }
  const Value input = field(spec.bytes, "input"), by = field(spec.bytes, "sortBy");
  if (by.is_missing())
    return refuse(error, location(2942503), {name, " requires 'sortBy' to be specified"});
  if (input.is_nullish()) return give_null(out);
  if (!input.is_array()) {
    return refuse(error, location(2942504),
                  {"The input argument to ", name,
                   " must be an array, but was of type: ", type_name(input.type)});
  }
  const std::optional<PushOrder> order = PushOrder::parse(by, error);
  if (!order) return false;
  std::vector<Node::Member> members;
  bson::Reader reader(input.bytes);
  bson::Element element;
  while (reader.next(&element)) members.push_back({std::string(), Node(Value(element))});
  order->sort(&members);
  bson::Writer writer;
  const std::size_t root = writer.open();
  bson::ArrayKey index;
  for (Node::Member& member : members) write(writer, index.next(), member.node.view());
  writer.close(root);
  *out = OwnedValue::written(Type::array, writer);
  return true;
}

constexpr std::size_t kAnyNumber = 1000000;
constexpr FunctionEntry kFunctions[] = {
    {"$setUnion", 0, kAnyNumber, combine},    {"$setIntersection", 0, kAnyNumber, combine},
    {"$setDifference", 2, 2, combine},        {"$setEquals", 2, kAnyNumber, compare_sets},
    {"$setIsSubset", 2, 2, compare_sets},     {"$anyElementTrue", 1, 1, ask_elements},
    {"$allElementsTrue", 1, 1, ask_elements}, {"$range", 2, 3, range},
    {"$indexOfArray", 2, 4, index_of},        {"$sortArray", 1, 1, sort_array},
};

}  // namespace

std::span<const FunctionEntry> set_functions() { return kFunctions; }

}  // namespace runtime::document
