#include "docstore/document/constants.h"
#include "docstore/document/update.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

const Clock kClock{1234567, std::uint64_t{77} << 32 | 1};

// What an update makes of a document; matched by `filter` first. "BadValue: ..." when it refuses, "same" when nothing
// changes.
struct Change {
  std::string update;
  std::string document;
  std::string filter = "{}";
  std::vector<std::string> array_filters = {};
};

std::string changed(const Change& change, std::string* bytes = nullptr) {
  CommandError error;
  std::vector<std::string> filters;
  for (const std::string& filter : change.array_filters) filters.push_back(bson(filter));
  const std::optional<Update> update =
      Update::parse(bson(change.update), {filters.begin(), filters.end()}, &error);
  if (!update) return error.name() + ": " + error.message;
  const std::optional<Filter> filter = Filter::parse(bson(change.filter), &error);
  EXPECT_TRUE(filter) << error.message;
  MatchDetails details;
  const std::string document = bson(change.document);
  EXPECT_TRUE(filter->matches(document, &details)) << change.filter;
  std::string fresh;
  switch (update->apply(document, details, kClock, &fresh, &error)) {
    case Update::Outcome::refused: return error.name() + ": " + error.message;
    case Update::Outcome::unchanged: return "same";
    case Update::Outcome::changed: break;
  }
  if (bytes != nullptr) *bytes = fresh;
  return shown(fresh);
}

#define EXPECT_CHANGE(expected, ...)                                                   \
  do {                                                                                 \
    std::string bytes;                                                                 \
    const std::string text = changed(Change{__VA_ARGS__}, &bytes);                     \
    const std::string wanted = bson(expected);                                         \
    EXPECT_EQ(text, shown(wanted));                                                    \
    EXPECT_TRUE(text != shown(wanted) || bytes == wanted) << "kinds differ: " << text; \
  } while (0)
#define EXPECT_SAME(...) EXPECT_EQ(changed(Change{__VA_ARGS__}), "same")
#define EXPECT_REFUSED(expected, ...) EXPECT_EQ(changed(Change{__VA_ARGS__}), expected)

std::string inserted(std::string_view update, std::string_view filter) {
  CommandError error;
  const std::optional<Update> parsed = Update::parse(bson(update), {}, &error);
  const std::optional<Filter> wanted = Filter::parse(bson(filter), &error);
  EXPECT_TRUE(parsed && wanted) << error.message;
  std::string fresh;
  if (!parsed->insert(*wanted, kClock, &fresh, &error)) return error.name() + ": " + error.message;
  return shown(fresh);
}
#define EXPECT_INSERT(expected, update, filter) \
  EXPECT_EQ(inserted(update, filter), shown(bson(expected)))

TEST(DocstoreUpdate, SetsFieldsAndKeepsTheOrderOfTheOthers) {
  EXPECT_CHANGE("{_id: 1, a: 5, b: 2}", "{$set: {a: 5}}", "{_id: 1, a: 1, b: 2}");
  EXPECT_CHANGE("{_id: 1, a: {b: {c: 5}}}", "{$set: {'a.b.c': 5}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: 5L}", "{$set: {a: 5L}}", "{_id: 1, a: 5}");
  EXPECT_SAME("{$set: {a: 5}}", "{_id: 1, a: 5}");
  EXPECT_SAME("{$set: {}}", "{_id: 1, a: 5}");
}

TEST(DocstoreUpdate, AppendsNewFieldsInTheOrderOfTheirPaths) {
  EXPECT_CHANGE("{_id: 1, a: 1, b: {'2': 1, '10': 1, x: 1}, c: 1}",
                "{$set: {c: 1, 'b.x': 1, 'b.10': 1, 'b.2': 1, a: 1}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: 1, b: 2}", "{$inc: {b: 2}, $set: {a: 1}}", "{_id: 1}");
}

TEST(DocstoreUpdate, PadsArraysWithNull) {
  EXPECT_CHANGE("{_id: 1, a: [1, null, null, 5]}", "{$set: {'a.3': 5}}", "{_id: 1, a: [1]}");
  EXPECT_CHANGE("{_id: 1, a: [1, {b: 5}]}", "{$set: {'a.1.b': 5}}", "{_id: 1, a: [1]}");
  EXPECT_CHANGE("{_id: 1, a: {'0': 5}}", "{$set: {'a.0': 5}}", "{_id: 1}");
  EXPECT_REFUSED("BadValue: can't backfill more than 1500000 elements", "{$set: {'a.2000000': 5}}",
                 "{_id: 1, a: [1]}");
}

TEST(DocstoreUpdate, PadsAllArraysTogetherNoMoreThanOne) {
  EXPECT_REFUSED("BadValue: can't backfill more than 1500000 elements",
                 "{$set: {'a.1000000': 5, 'b.1000000': 5}}", "{_id: 1, a: [], b: []}");
}

TEST(DocstoreUpdate, RefusesPathsThroughWhatIsNoDocument) {
  EXPECT_REFUSED("PathNotViable: Cannot create field 'b' in element {a: 5}", "{$set: {'a.b': 1}}",
                 "{_id: 1, a: 5}");
  EXPECT_REFUSED("PathNotViable: Cannot create field 'b' in element {a: [ 1 ]}",
                 "{$set: {'a.b': 1}}", "{_id: 1, a: [1]}");
  EXPECT_SAME("{$unset: {'a.b': 1}}", "{_id: 1, a: 5}");
}

TEST(DocstoreUpdate, TakesFieldsAwayButKeepsPlacesInArrays) {
  EXPECT_CHANGE("{_id: 1, b: 2}", "{$unset: {a: ''}}", "{_id: 1, a: 1, b: 2}");
  EXPECT_CHANGE("{_id: 1, a: [1, null, 3]}", "{$unset: {'a.1': ''}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_SAME("{$unset: {c: '', 'd.e': ''}}", "{_id: 1}");
}

TEST(DocstoreUpdate, CalculatesWithTheKindsOfTheNumbers) {
  EXPECT_CHANGE("{_id: 1, a: 3}", "{$inc: {a: 1}}", "{_id: 1, a: 2}");
  EXPECT_CHANGE("{_id: 1, a: 2147483648L}", "{$inc: {a: 1}}", "{_id: 1, a: 2147483647}");
  EXPECT_CHANGE("{_id: 1, a: 3L}", "{$inc: {a: 1L}}", "{_id: 1, a: 2}");
  EXPECT_CHANGE("{_id: 1, a: 2.5}", "{$inc: {a: 0.5}}", "{_id: 1, a: 2}");
  EXPECT_CHANGE("{_id: 1, a: 7}", "{$inc: {a: 7}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: 0L}", "{$mul: {a: 7L}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: 0.0}", "{$mul: {a: 7.5}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: 4611686014132420609L}", "{$mul: {a: 2147483647}}",
                "{_id: 1, a: 2147483647}");
  EXPECT_SAME("{$inc: {a: 0}}", "{_id: 1, a: 5}");
  EXPECT_CHANGE("{_id: 1, a: 5L}", "{$inc: {a: 0L}}", "{_id: 1, a: 5}");
  EXPECT_REFUSED(
      "BadValue: Failed to apply $inc operations to current value (9223372036854775807) for "
      "document {_id: 1}",
      "{$inc: {a: 1}}", "{_id: 1, a: 9223372036854775807}");
  EXPECT_REFUSED(
      "TypeMismatch: Cannot apply $inc to a value of non-numeric type. {_id: 1} has the field 'a' "
      "of "
      "non-numeric type string",
      "{$inc: {a: 1}}", "{_id: 1, a: 'x'}");
  EXPECT_REFUSED("TypeMismatch: Cannot increment with non-numeric argument: {a: \"x\"}",
                 "{$inc: {a: 'x'}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: dec(11, -1)}", "{$inc: {a: dec(1, -1)}}", "{_id: 1, a: 1}");
  EXPECT_CHANGE("{_id: 1, a: dec(300, -2)}", "{$mul: {a: 2}}", "{_id: 1, a: dec(150, -2)}");
  EXPECT_CHANGE("{_id: 1, a: dec(0, -1)}", "{$mul: {a: dec(5, -1)}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: 6}", "{$bit: {a: {and: 14, xor: 2}}}", "{_id: 1, a: 5}");
}

TEST(DocstoreUpdate, KeepsTheLesserOrTheGreaterValue) {
  EXPECT_CHANGE("{_id: 1, a: 2}", "{$min: {a: 2}}", "{_id: 1, a: 3.5}");
  EXPECT_SAME("{$min: {a: 5}}", "{_id: 1, a: 3.5}");
  EXPECT_SAME("{$max: {a: 3}}", "{_id: 1, a: 3.0}");
  EXPECT_CHANGE("{_id: 1, a: 'x'}", "{$max: {a: 'x'}}", "{_id: 1, a: 3}");
  EXPECT_CHANGE("{_id: 1, a: 3}", "{$max: {a: 3}}", "{_id: 1}");
}

TEST(DocstoreUpdate, RenamesFields) {
  EXPECT_CHANGE("{_id: 1, b: 2, c: 1}", "{$rename: {a: 'c'}}", "{_id: 1, a: 1, b: 2}");
  EXPECT_CHANGE("{_id: 1, b: 1}", "{$rename: {a: 'b'}}", "{_id: 1, a: 1, b: 2}");
  EXPECT_CHANGE("{_id: 1, x: {}, y: {z: [1]}}", "{$rename: {'x.a': 'y.z'}}",
                "{_id: 1, x: {a: [1]}}");
  EXPECT_SAME("{$rename: {a: 'b'}}", "{_id: 1, b: 2}");
  EXPECT_REFUSED("BadValue: The source and target field for $rename must differ: a: \"a\"",
                 "{$rename: {a: 'a'}}", "{_id: 1}");
  EXPECT_REFUSED(
      "BadValue: The source and target field for $rename must not be on the same path: a: \"a.b\"",
      "{$rename: {a: 'a.b'}}", "{_id: 1}");
  EXPECT_REFUSED(
      "BadValue: The source field cannot be an array element, 'a.0' in doc with {_id: 1} has an "
      "array field "
      "called 'a'",
      "{$rename: {'a.0': 'b'}}", "{_id: 1, a: [1]}");
}

TEST(DocstoreUpdate, PutsTheDate) {
  EXPECT_CHANGE("{_id: 1, a: date(1234567), b: ts(77, 1)}",
                "{$currentDate: {a: true, b: {$type: 'timestamp'}}}", "{_id: 1}");
}

TEST(DocstoreUpdate, PushesIntoArrays) {
  EXPECT_CHANGE("{_id: 1, a: [1, [2, 3]]}", "{$push: {a: [2, 3]}}", "{_id: 1, a: [1]}");
  EXPECT_CHANGE("{_id: 1, a: [5]}", "{$push: {a: 5}}", "{_id: 1}");
  EXPECT_CHANGE("{_id: 1, a: [1, 7, 8, 2]}", "{$push: {a: {$each: [7, 8], $position: 1}}}",
                "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: [1, 7, 2]}", "{$push: {a: {$each: [7], $position: -1}}}",
                "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: [7, 1, 2]}", "{$push: {a: {$each: [7], $position: -9}}}",
                "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: [2, 3]}", "{$push: {a: {$each: [3], $slice: -2}}}",
                "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: [1]}", "{$push: {a: {$each: [3], $slice: 1}}}", "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: []}", "{$push: {a: {$each: [3], $slice: 0}}}", "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: [5, 3, 1]}", "{$push: {a: {$each: [3], $sort: -1}}}",
                "{_id: 1, a: [1, 5]}");
  EXPECT_CHANGE("{_id: 1, a: [{s: 9, n: 'c'}, {s: 7, n: 'a'}]}",
                "{$push: {a: {$each: [{s: 9, n: 'c'}, {s: 1}], $sort: {s: -1}, $slice: 2}}}",
                "{_id: 1, a: [{s: 7, n: 'a'}]}");
  EXPECT_SAME("{$push: {a: {$each: []}}}", "{_id: 1, a: [1]}");
  EXPECT_REFUSED("BadValue: The field 'a' must be an array but is of type int in document {_id: 1}",
                 "{$push: {a: 1}}", "{_id: 1, a: 5}");
  EXPECT_REFUSED("BadValue: Unrecognized clause in $push: $foo",
                 "{$push: {a: {$each: [], $foo: 1}}}", "{_id: 1}");
  EXPECT_REFUSED(
      "BadValue: The argument to $each in $push must be an array but it was of type: int",
      "{$push: {a: {$each: 1}}}", "{_id: 1}");
}

TEST(DocstoreUpdate, AddsToSetsWhatIsNotThere) {
  EXPECT_CHANGE("{_id: 1, a: [1, 2]}", "{$addToSet: {a: 2}}", "{_id: 1, a: [1]}");
  EXPECT_SAME("{$addToSet: {a: 1.0}}", "{_id: 1, a: [1]}");
  EXPECT_CHANGE("{_id: 1, a: [{x: 1}, 3]}", "{$addToSet: {a: {$each: [{x: 1}, 3, 3]}}}",
                "{_id: 1, a: [{x: 1}]}");
  EXPECT_CHANGE("{_id: 1, a: [3]}", "{$addToSet: {a: {$each: [3, 3]}}}", "{_id: 1}");
  EXPECT_REFUSED(
      "BadValue: Cannot apply $addToSet to non-array field. Field named 'a' has non-array type int",
      "{$addToSet: {a: 1}}", "{_id: 1, a: 5}");
}

TEST(DocstoreUpdate, TakesElementsFromArrays) {
  EXPECT_CHANGE("{_id: 1, a: [2]}", "{$pull: {a: 1}}", "{_id: 1, a: [1, 2, 1.0]}");
  EXPECT_CHANGE("{_id: 1, a: [1]}", "{$pull: {a: {$gte: 2}}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_CHANGE("{_id: 1, a: [{b: 1}, 7]}", "{$pull: {a: {b: {$gt: 1}}}}",
                "{_id: 1, a: [{b: 1}, {b: 2, c: 1}, 7]}");
  EXPECT_CHANGE("{_id: 1, a: [1]}", "{$pull: {a: /^x/}}", "{_id: 1, a: [1, 'xy']}");
  EXPECT_CHANGE("{_id: 1, a: [3]}", "{$pullAll: {a: [1, 2]}}", "{_id: 1, a: [1, 2, 3, 1]}");
  EXPECT_CHANGE("{_id: 1, a: [1, 2]}", "{$pop: {a: 1}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_CHANGE("{_id: 1, a: [2, 3]}", "{$pop: {a: -1}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_SAME("{$pull: {a: 9}, $pop: {b: 1}}", "{_id: 1, a: [1]}");
  EXPECT_REFUSED("BadValue: Cannot apply $pull to a non-array value", "{$pull: {a: 1}}",
                 "{_id: 1, a: 5}");
  EXPECT_REFUSED("TypeMismatch: Path 'a' contains an element of non-array type 'int'",
                 "{$pop: {a: 1}}", "{_id: 1, a: 5}");
  EXPECT_REFUSED("FailedToParse: $pop expects 1 or -1, found: 2", "{$pop: {a: 2}}", "{_id: 1}");
}

TEST(DocstoreUpdate, ChangesTheElementThatMatched) {
  EXPECT_CHANGE("{_id: 1, a: [1, 9, 3]}", "{$set: {'a.$': 9}}", "{_id: 1, a: [1, 2, 3]}", "{a: 2}");
  EXPECT_CHANGE("{_id: 1, a: [{b: 1}, {b: 2, c: 5}]}", "{$inc: {'a.$.c': 5}}",
                "{_id: 1, a: [{b: 1}, {b: 2}]}", "{a: {$elemMatch: {b: 2}}}");
  EXPECT_REFUSED("BadValue: The positional operator did not find the match needed from the query.",
                 "{$set: {'a.$': 9}}", "{_id: 1, a: [1]}");
  EXPECT_REFUSED(
      "BadValue: Cannot have positional (i.e. '$') element in the first position in path '$.a'",
      "{$set: {'$.a': 9}}", "{_id: 1}");
}

TEST(DocstoreUpdate, ChangesTheElementsThatArrayFiltersTake) {
  EXPECT_CHANGE("{_id: 1, a: [2, 3]}", "{$inc: {'a.$[]': 1}}", "{_id: 1, a: [1, 2]}");
  EXPECT_CHANGE("{_id: 1, a: [1, 0, 0]}", "{$set: {'a.$[x]': 0}}", "{_id: 1, a: [1, 5, 9]}", "{}",
                {"{x: {$gte: 5}}"});
  EXPECT_CHANGE("{_id: 1, a: [{k: 1, g: [1, 0]}, {k: 2, g: [9]}]}", "{$set: {'a.$[e].g.$[i]': 0}}",
                "{_id: 1, a: [{k: 1, g: [1, 9]}, {k: 2, g: [9]}]}", "{}",
                {"{'e.k': 1}", "{i: {$gt: 5}}"});
  EXPECT_CHANGE("{_id: 1, a: [{k: 1, m: 2, n: 7}]}", "{$set: {'a.$[e].n': 7}}",
                "{_id: 1, a: [{k: 1, m: 2}]}", "{}", {"{$and: [{'e.k': 1}, {'e.m': 2}]}"});
  EXPECT_REFUSED("BadValue: No array filter found for identifier 'x' in path 'a.$[x]'",
                 "{$set: {'a.$[x]': 0}}", "{_id: 1}");
  EXPECT_EQ(changed({"{$set: {a: 0}}", "{_id: 1}", "{}", {"{x: 1}"}}).substr(0, 60),
            "FailedToParse: The array filter for identifier 'x' was not u");
  EXPECT_EQ(changed({"{$set: {'a.$[x]': 0}}", "{_id: 1}", "{}", {"{x: 1, y: 1}"}}),
            "FailedToParse: Error parsing array filter :: caused by :: Expected a single top-level "
            "field name, "
            "found 'x' and 'y'");
  EXPECT_EQ(changed({"{$set: {'a.$[x]': 0}}", "{_id: 1}", "{}", {"{x: 1}"}}),
            "BadValue: The path 'a' must exist in the document in order to apply array updates.");
  EXPECT_EQ(changed({"{$set: {'a.$[]': 0}}", "{_id: 1, a: 5}"}),
            "BadValue: Cannot apply array updates to non-array element a: 5");
}

TEST(DocstoreUpdate, RefusesPathsThatConflict) {
  EXPECT_REFUSED("ConflictingUpdateOperators: Updating the path 'a' would create a conflict at 'a'",
                 "{$set: {a: 1}, $inc: {a: 1}}", "{_id: 1}");
  EXPECT_REFUSED(
      "ConflictingUpdateOperators: Updating the path 'a.b.c' would create a conflict at 'a.b'",
      "{$set: {'a.b.c': 1, 'a.b': 1, 'a.b2': 5}}", "{_id: 1}");
  EXPECT_REFUSED("ConflictingUpdateOperators: Updating the path 'b' would create a conflict at 'b'",
                 "{$rename: {a: 'b'}, $set: {b: 1}}", "{_id: 1}");
  EXPECT_REFUSED("ConflictingUpdateOperators: Update created a conflict at 'a.0'",
                 "{$set: {'a.$': 1, 'a.0': 2}}", "{_id: 1, a: [5]}", "{a: 5}");
  EXPECT_REFUSED("ConflictingUpdateOperators: Update created a conflict at 'a.0'",
                 "{$set: {'a.$[x]': 1, 'a.$[y]': 2}}", "{_id: 1, a: [5]}", "{}",
                 {"{x: 5}", "{y: 5}"});
  EXPECT_CHANGE("{_id: 1, a: 1, b: 2}", "{$set: {a: 1, b: 2}}", "{_id: 1}");
}

TEST(DocstoreUpdate, NeverChangesTheId) {
  const std::string refused =
      "ImmutableField: Performing an update on the path '_id' would modify the immutable field "
      "'_id'";
  EXPECT_REFUSED(refused, "{$set: {_id: 2}}", "{_id: 1}");
  EXPECT_REFUSED(refused, "{$unset: {_id: 1}}", "{_id: 1}");
  EXPECT_REFUSED(refused, "{$rename: {_id: 'a'}}", "{_id: 1}");
  EXPECT_REFUSED(refused, "{$set: {'_id.a': 2}}", "{_id: {a: 1}}");
  EXPECT_SAME("{$set: {_id: 1}}", "{_id: 1}");
  EXPECT_EQ(changed({"{_id: 2, a: 1}", "{_id: 1}"}),
            "ImmutableField: After applying the update, the (immutable) field '_id' was found to "
            "have been "
            "altered to _id: 2");
}

TEST(DocstoreUpdate, ReplacesDocuments) {
  EXPECT_CHANGE("{_id: 1, b: 5}", "{b: 5}", "{_id: 1, a: 1}");
  EXPECT_CHANGE("{_id: 1, b: 5}", "{b: 5, _id: 1}", "{_id: 1, a: 1}");
  EXPECT_SAME("{a: 1}", "{_id: 1, a: 1}");
  EXPECT_CHANGE("{_id: 1, a: {$b: 1, 'c.d': 2}, 'e.f': 3}", "{a: {$b: 1, 'c.d': 2}, 'e.f': 3}",
                "{_id: 1}");
  EXPECT_EQ(changed({"{a: 1, $set: {b: 1}}", "{_id: 1}"}).substr(0, 60),
            "DollarPrefixedFieldName: The dollar ($) prefixed field '$set");
}

TEST(DocstoreUpdate, RefusesWhatItDoesNotKnow) {
  EXPECT_REFUSED(
      "FailedToParse: Unknown modifier: $foo. Expected a valid update modifier or pipeline-style "
      "update "
      "specified as an array",
      "{$foo: {a: 1}}", "{_id: 1}");
  EXPECT_REFUSED(
      "FailedToParse: Modifiers operate on fields but we found type int instead. For example: "
      "{$mod: {<field>: "
      "...}} not {$set: 5}",
      "{$set: 5}", "{_id: 1}");
  EXPECT_REFUSED("EmptyFieldName: An empty update path is not valid.", "{$set: {'': 5}}",
                 "{_id: 1}");
  EXPECT_REFUSED(
      "EmptyFieldName: The update path 'a..b' contains an empty field name, which is not allowed.",
      "{$set: {'a..b': 5}}", "{_id: 1}");
  EXPECT_EQ(changed({"{$set: {'a.$b': 5}}", "{_id: 1}"}).substr(0, 60),
            "DollarPrefixedFieldName: The dollar ($) prefixed field '$b' ");
}

TEST(DocstoreUpdate, RefusesDocumentsThatBecomeTooDeepOrTooLarge) {
  std::string path = "a";
  for (int i = 0; i < 100; ++i) path += ".a";
  EXPECT_EQ(changed({"{$set: {'" + path + "': 1}}", "{_id: 1}"}),
            "Overflow: Document exceeds maximum nested object depth: 100");
  EXPECT_EQ(changed({"{$push: {a: '" + std::string(9 << 20, 'x') + "'}}",
                     "{_id: 1, a: ['" + std::string(8 << 20, 'x') + "']}"}),
            "Location17419: Resulting document after update is larger than 16777216");
}

TEST(DocstoreUpdate, RefusesManyTimesALargeValueBeforeItIsWritten) {
  std::string array;
  for (int i = 0; i < 100000; ++i) array += "1,";
  EXPECT_EQ(changed({"{$set: {'a.$[]': '" + std::string(1 << 20, 'x') + "'}}",
                     "{_id: 1, a: [" + array + "]}"}),
            "Location17419: Resulting document after update is larger than 16777216");
}

TEST(DocstoreUpdate, InsertsWhatTheFilterAndTheUpdateSay) {
  EXPECT_INSERT("{_id: 5, a: 1, b: 2}", "{$set: {b: 2}}", "{a: 1, _id: 5}");
  EXPECT_INSERT("{_id: 5, a: {b: 1}, n: 1, o: 2}", "{$inc: {n: 1}, $setOnInsert: {o: 2}}",
                "{_id: 5, 'a.b': {$eq: 1}, c: {$gt: 5}}");
  EXPECT_INSERT("{_id: 5, a: 1, b: 1}", "{$set: {b: 1}}",
                "{$and: [{_id: 5}, {a: {$in: [1]}}], $or: [{x: 1}, {y: 1}]}");
  EXPECT_INSERT("{_id: 5, b: 1}", "{b: 1}", "{_id: 5, a: 1}");
  EXPECT_INSERT("{_id: 7, b: 1}", "{b: 1, _id: 7}", "{a: 1}");
  EXPECT_INSERT("{_id: 7, a: 1}", "{$set: {_id: 7}}", "{a: 1}");
  EXPECT_EQ(inserted("{$set: {b: 1}}", "{a: 1, 'a.b': 2}"),
            "NotSingleValueField: cannot infer query fields to set, both paths 'a' and 'a.b' are "
            "matched");
  EXPECT_EQ(inserted("{$set: {b: 1}}", "{a: {$all: [1, 2]}}"),
            "NotSingleValueField: cannot infer query fields to set, path 'a' is matched twice");
  EXPECT_EQ(inserted("{$set: {_id: 2}}", "{_id: 1}"),
            "ImmutableField: Performing an update on the path '_id' would modify the immutable "
            "field '_id'");
  EXPECT_EQ(inserted("{$set: {_id: [1]}}", "{}"),
            "BadValue: The '_id' value cannot be of type array");
  EXPECT_NE(inserted("{$set: {a: 1}}", "{}").find("{ _id: ObjectId('"), std::string::npos);
}

TEST(DocstoreUpdate, LeavesTheBytesOfWhatItDoesNotTouch) {
  EXPECT_CHANGE("{_id: 1, a: -0.0, b: {c: NaN, 'd.e': [[1L]], $f: 5}, g: 1}", "{$set: {g: 1}}",
                "{_id: 1, a: -0.0, b: {c: NaN, 'd.e': [[1L]], $f: 5}}");
}

TEST(DocstoreUpdate, PullsDocumentsByWhatStandsAtTheTopOfAFilter) {
  EXPECT_CHANGE("{_id: 1, a: [{c: 2}, 5]}", "{$pull: {a: {$or: [{b: 1}, {c: 3}]}}}",
                "{_id: 1, a: [{b: 1}, {c: 2}, {c: 3}, 5]}");
  EXPECT_CHANGE("{_id: 1, a: [{b: 1}]}", "{$pull: {a: {$nor: [{b: 1}]}}}",
                "{_id: 1, a: [{b: 1}, {b: 2}]}");
  EXPECT_REFUSED("QueryFeatureNotAllowed: $expr is not allowed in this context",
                 "{$pull: {a: {$expr: true}}}", "{_id: 1, a: []}");
}

TEST(DocstoreUpdate, AnEmptyNameInTheSortOfAPushIsABadValue) {
  EXPECT_EQ(changed({"{$push: {a: {$each: [], $sort: {'': 1}}}}", "{_id: 1, a: []}"}).substr(0, 8),
            "BadValue");
}

// As changed() and inserted(); of the stages of a pipeline.
std::string changed_by(const std::string& stages, const std::string& document,
                       const Constants& constants = {}) {
  CommandError error;
  const std::string bytes = bson("{p: " + stages + "}");
  const auto update = Update::parse_pipeline(field(bytes, "p").bytes, &constants, &error);
  if (!update) return error.name() + ": " + error.message;
  EXPECT_FALSE(update->is_replacement());
  std::string fresh;
  switch (update->apply(bson(document), {}, kClock, &fresh, &error)) {
    case Update::Outcome::refused: return error.name() + ": " + error.message;
    case Update::Outcome::unchanged: return "same";
    case Update::Outcome::changed: break;
  }
  return shown(fresh);
}

TEST(DocstoreUpdate, APipelineComputesFromTheDocument) {
  EXPECT_EQ(changed_by("[{$set: {b: {$add: ['$a', 1]}}}, {$unset: 'a'}]", "{_id: 1, a: 4, c: 0}"),
            shown(bson("{_id: 1, c: 0, b: 5}")));
  EXPECT_EQ(changed_by("[{$replaceWith: {x: '$a'}}]", "{_id: 1, a: 4}"),
            shown(bson("{_id: 1, x: 4}")))
      << "the _id stays";
  EXPECT_EQ(changed_by("[{$set: {at: '$$NOW'}}]", "{_id: 1}"),
            shown(bson("{_id: 1, at: date(1234567)}")));
  EXPECT_EQ(changed_by("[{$set: {a: 4}}]", "{_id: 1, a: 4}"), "same");
  EXPECT_EQ(changed_by("[]", "{_id: 1}"), "same");
  EXPECT_EQ(changed_by("[{$set: {_id: 2}}]", "{_id: 1}").substr(0, 14), "ImmutableField");
  EXPECT_EQ(changed_by("[{$match: {a: 1}}]", "{_id: 1}"),
            "InvalidOptions: $match is not allowed to be used within an update");
  EXPECT_EQ(changed_by("[{$strange: 1}]", "{_id: 1}"),
            "Location40324: Unrecognized pipeline stage name: '$strange'");
  Constants constants;
  constants.set("c", OwnedValue(field(bson("{x: {y: 7}}"), "x")));
  EXPECT_EQ(changed_by("[{$set: {a: '$$c.y', b: {$map: {input: [1], as: 'c', in: '$$c'}}}}]",
                       "{_id: 1}", constants),
            shown(bson("{_id: 1, a: 7, b: [1]}")));
}

TEST(DocstoreUpdate, AnUpsertByAPipelineBeginsWithWhatTheFilterWants) {
  CommandError error;
  const std::string bytes = bson("{p: [{$set: {b: {$add: ['$a', 1]}}}]}");
  const auto update = Update::parse_pipeline(field(bytes, "p").bytes, nullptr, &error);
  const auto filter = Filter::parse(bson("{_id: 5, a: 1, c: {$gt: 1}}"), &error);
  ASSERT_TRUE(update && filter) << error.message;
  std::string fresh;
  ASSERT_TRUE(update->insert(*filter, kClock, &fresh, &error)) << error.message;
  EXPECT_EQ(shown(fresh), shown(bson("{_id: 5, a: 1, b: 2}")));
}

}  // namespace
}  // namespace runtime::document
