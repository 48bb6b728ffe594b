// Any document as an update, of any document: it is refused with a name, or what comes out is a document that may be
// stored, with the same _id; the document that went in is not touched.
#include "docstore/document/order.h"
#include "docstore/document/update.h"
#include "docstore_input.h"

namespace {

using namespace runtime::document;

constexpr std::string_view kNames[] = {
    "a",      "b",     "a.b",    "a.0",   "a.$",       "a.$[]",   "a.$[x].b",     "$set",
    "$unset", "$inc",  "$mul",   "$min",  "$max",      "$rename", "$setOnInsert", "$currentDate",
    "$push",  "$each", "$slice", "$sort", "$position", "$pull",   "$pullAll",     "$addToSet",
    "$pop",   "$bit",  "and",    "xor",   "_id",       "$type",   "b.1.c"};
constexpr std::string_view kFilterNames[] = {"x", "x.b", "$gt", "$in", "$or", "a", "a.b", "_id"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::string bytes = input.document(kNames), array_filter = input.document(kFilterNames),
                    filter_bytes = input.document(kFilterNames),
                    document = input.document(kFieldNames);
  if (bytes.empty() || document.empty()) return 0;
  CommandError error;
  std::vector<std::string_view> array_filters;
  if (!array_filter.empty() && input.byte() % 2 == 0) array_filters.push_back(array_filter);
  const std::optional<Update> update = Update::parse(bytes, array_filters, &error);
  want(update || (error.number() != 0 && !error.message.empty()));
  if (!update) return 0;
  const Clock clock{1000, 1};
  MatchDetails details;
  if (input.byte() % 2 == 0) details.position = input.byte() % 4;
  std::string fresh;
  const std::string before = document;
  switch (update->apply(document, details, clock, &fresh, &error)) {
    case Update::Outcome::refused: want(error.number() != 0); break;
    case Update::Outcome::unchanged: want(fresh == document); break;
    case Update::Outcome::changed:
      want(check_storable(fresh, &error));
      want(field(document, "_id").is_missing() ||
           is_equal(field(fresh, "_id"), field(document, "_id")));
      break;
  }
  want(document == before);
  if (filter_bytes.empty()) return 0;
  if (const std::optional<Filter> filter = Filter::parse(filter_bytes, &error)) {
    if (update->insert(*filter, clock, &fresh, &error)) {
      want(check_storable(fresh, &error) &&
           runtime::bson::Element(first_element(fresh)).key == "_id");
    }
  }
  return 0;
}
