// Any document as a filter, on any document: it is refused with a name, or it answers; its negation answers the opposite,
// and what matches lies within the bounds that an index is asked for.
#include "docstore/document/filter.h"
#include "docstore/document/path.h"
#include "docstore/document/projection.h"
#include "docstore_input.h"

namespace {

using namespace runtime::document;

constexpr std::string_view kNames[] = {"a",           "b",
                                       "a.b",         "a.0",
                                       "$eq",         "$ne",
                                       "$gt",         "$gte",
                                       "$lt",         "$lte",
                                       "$in",         "$nin",
                                       "$and",        "$or",
                                       "$nor",        "$not",
                                       "$exists",     "$type",
                                       "$regex",      "$options",
                                       "$mod",        "$all",
                                       "$size",       "$elemMatch",
                                       "$bitsAllSet", "$bitsAnyClear",
                                       "$comment",    "a.$",
                                       "$slice",      "c",
                                       "$expr",       "$divide",
                                       "$a"};

bool lies_within(const PathBound& bound, std::string_view document) {
  bool found = false, has_end = false;
  const auto look_for = [&](const Value& value) {
    const std::string key = key_of(value.is_missing() ? Value(Type::null, {}) : value);
    for (const KeyRange& range : bound.ranges)
      found = found || (range.low <= key && key < range.high);
  };
  walk(document_value(document), Path(bound.path), Leaf::whole, [&](const Met& met) {
    has_end = true;
    if (!met.value.is_array() || is_empty(met.value.bytes)) {
      look_for(met.value.is_array() ? Value() : met.value);
      return found;
    }
    runtime::bson::Reader reader(met.value.bytes);
    runtime::bson::Element element;
    while (reader.next(&element)) look_for(Value(element));
    return found;
  });
  if (!has_end) look_for({});
  return found;
}

std::string negated(std::string_view filter) {
  runtime::bson::Writer writer;
  const std::size_t root = writer.open();
  const std::size_t list = writer.open(Type::array, "$nor");
  writer.raw(Type::document, "0", filter);
  writer.close(list);
  writer.close(root);
  return std::string(writer.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::string bytes = input.document(kNames), document = input.document(kFieldNames);
  if (bytes.empty() || document.empty()) return 0;
  CommandError error;
  const std::optional<Filter> filter = Filter::parse(bytes, &error);
  want(filter || (error.number() != 0 && !error.message.empty()));
  MatchDetails details;
  if (filter) {
    const bool matches = filter->matches(document, &details);
    if (details.check(&error)) {
      const std::optional<Filter> opposite = Filter::parse(negated(bytes), &error);
      MatchDetails other;
      want(opposite && (opposite->matches(document, &other) != matches || other.has_failed()));
      for (const PathBound& bound : filter->bounds())
        want(!matches || lies_within(bound, document));
    }
    std::vector<Filter::Equality> equalities;
    static_cast<void>(filter->equalities(&equalities, &error));
  }
  if (const std::optional<Projection> projection = Projection::parse(bytes, &error)) {
    std::string out;
    if (projection->apply(document, details, &out, &error)) want(check_document(out, 200, &error));
  }
  return 0;
}
