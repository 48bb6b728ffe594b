#include "docstore/document/filter.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

bool matches(std::string_view filter, std::string_view document) {
  CommandError error;
  const std::optional<Filter> parsed = Filter::parse(bson(filter), &error);
  EXPECT_TRUE(parsed) << filter << ": " << error.message;
  if (!parsed) return false;
  MatchDetails details;
  const bool result = parsed->matches(bson(document), &details);
  EXPECT_TRUE(details.check(&error)) << error.message;
  return result;
}
#define EXPECT_MATCH(filter, document) \
  EXPECT_TRUE(matches(filter, document)) << filter << " on " << document
#define EXPECT_NO_MATCH(filter, document) \
  EXPECT_FALSE(matches(filter, document)) << filter << " on " << document

// "BadValue: cannot compare to undefined", or "accepted".
std::string refusal(std::string_view filter) {
  CommandError error;
  if (Filter::parse(bson(filter), &error)) return "accepted";
  return error.name() + ": " + error.message;
}

TEST(DocstoreFilter, ComparesNumbersOfAllKinds) {
  EXPECT_MATCH("{a: 5}", "{a: 5.0}");
  EXPECT_MATCH("{a: {$gt: 4.5}}", "{a: 5L}");
  EXPECT_NO_MATCH("{a: 9007199254740993}", "{a: 9007199254740992.0}");
  EXPECT_MATCH("{a: {$gt: 9007199254740992.0}}", "{a: 9007199254740993}");
  EXPECT_MATCH("{a: 0}", "{a: -0.0}");
  EXPECT_MATCH("{a: {$lt: 0.3}}", "{a: dec(1, -1)}");
  EXPECT_NO_MATCH("{a: 0.1}", "{a: dec(1, -1)}");
  EXPECT_MATCH("{a: dec(5, -1)}", "{a: 0.5}");
}

TEST(DocstoreFilter, NotANumberIsEqualToItselfAndInNoOrder) {
  EXPECT_MATCH("{a: NaN}", "{a: NaN}");
  EXPECT_MATCH("{a: {$lte: NaN}}", "{a: NaN}");
  EXPECT_NO_MATCH("{a: {$lt: 5}}", "{a: NaN}");
  EXPECT_NO_MATCH("{a: {$lt: NaN}}", "{a: NaN}");
}

TEST(DocstoreFilter, RangesStayWithinOneKindOfValues) {
  EXPECT_NO_MATCH("{a: {$gt: 5}}", "{a: 'x'}");
  EXPECT_NO_MATCH("{a: {$lt: 'x'}}", "{a: 5}");
  EXPECT_NO_MATCH("{a: {$lt: 5}}", "{b: 1}");
  EXPECT_MATCH("{a: {$gt: minkey}}", "{a: 'x'}");
  EXPECT_MATCH("{a: {$lt: maxkey}}", "{a: 'x'}");
}

TEST(DocstoreFilter, NullMeansWhatIsMissingToo) {
  EXPECT_MATCH("{a: null}", "{}");
  EXPECT_MATCH("{a: {$in: [null]}}", "{}");
  EXPECT_MATCH("{a: {$gte: null}}", "{}");
  EXPECT_NO_MATCH("{a: {$gt: null}}", "{}");
  EXPECT_NO_MATCH("{a: {$ne: null}}", "{}");
  EXPECT_MATCH("{'a.b': null}", "{a: 5}");
  EXPECT_NO_MATCH("{'a.b': null}", "{a: []}");
  EXPECT_MATCH("{'a.b': null}", "{a: [{}]}");
  EXPECT_NO_MATCH("{'a.b': null}", "{a: [5, {b: 1}]}");
}

TEST(DocstoreFilter, LooksIntoArrays) {
  EXPECT_MATCH("{a: 2}", "{a: [1, 2]}");
  EXPECT_MATCH("{a: [1, 2]}", "{a: [1, 2]}");
  EXPECT_MATCH("{a: [1, 2]}", "{a: [[1, 2], 3]}");
  EXPECT_NO_MATCH("{a: 1}", "{a: [[1]]}");
  EXPECT_MATCH("{a: {$gt: 1, $lt: 5}}", "{a: [0, 9]}");
  EXPECT_MATCH("{'a.b': 2}", "{a: [{b: 1}, {b: [2]}]}");
  EXPECT_MATCH("{'a.0': 1}", "{a: [1, 2]}");
  EXPECT_MATCH("{'a.1.b': 4}", "{a: [5, {b: 4}]}");
  EXPECT_MATCH("{'a.1.b': 4}", "{a: [5, [{b: 4}]]}");
  EXPECT_MATCH("{'a.0': 3}", "{a: [{'0': 3}]}");
  EXPECT_NO_MATCH("{'a.1': 2}", "{a: [5, [2, 4]]}");
  EXPECT_NO_MATCH("{a: {$ne: 2}}", "{a: [1, 2]}");
  EXPECT_NO_MATCH("{a: {$nin: [7, 2]}}", "{a: [1, 2]}");
}

TEST(DocstoreFilter, DocumentsAreEqualWithTheOrderOfTheirFields) {
  EXPECT_MATCH("{a: {x: 1, y: 2}}", "{a: {x: 1.0, y: 2}}");
  EXPECT_NO_MATCH("{a: {x: 1, y: 2}}", "{a: {y: 2, x: 1}}");
  EXPECT_NO_MATCH("{a: {x: 1}}", "{a: {x: 1, y: 2}}");
  EXPECT_MATCH("{a: {}}", "{a: {}}");
  EXPECT_MATCH("{a: {$ref: 'c', $id: 1}}", "{a: {$ref: 'c', $id: 1}}");
}

TEST(DocstoreFilter, JoinsConditions) {
  EXPECT_MATCH("{$or: [{a: 1}, {b: 1}]}", "{b: 1}");
  EXPECT_NO_MATCH("{$nor: [{a: 1}, {b: 1}]}", "{b: 1}");
  EXPECT_MATCH("{$and: [{a: 1}, {b: 1}]}", "{a: 1, b: 1}");
  EXPECT_MATCH("{a: {$not: {$gt: 5}}}", "{}");
  EXPECT_NO_MATCH("{a: {$not: /x/}}", "{a: 'x'}");
  EXPECT_MATCH("{a: 1, $comment: 'why'}", "{a: 1}");
}

TEST(DocstoreFilter, AsksForFieldsKindsSizesAndRemainders) {
  EXPECT_MATCH("{a: {$exists: true}}", "{a: null}");
  EXPECT_MATCH("{a: {$exists: 0}}", "{}");
  EXPECT_NO_MATCH("{'a.b': {$exists: true}}", "{a: [1]}");
  EXPECT_MATCH("{a: {$type: 'number'}}", "{a: 5L}");
  EXPECT_MATCH("{a: {$type: ['string', 8]}}", "{a: true}");
  EXPECT_MATCH("{a: {$type: 'array'}}", "{a: []}");
  EXPECT_MATCH("{a: {$type: 'int'}}", "{a: ['x', 5]}");
  EXPECT_MATCH("{a: {$type: -1}}", "{a: minkey}");
  EXPECT_MATCH("{a: {$size: 2}}", "{a: [1, [2]]}");
  EXPECT_NO_MATCH("{a: {$size: 1}}", "{a: [[1, 2], 3]}");
  EXPECT_MATCH("{a: {$mod: [4, 1]}}", "{a: 5.9}");
  EXPECT_MATCH("{a: {$mod: [-1, 0]}}", "{a: -9223372036854775807}");
  EXPECT_NO_MATCH("{a: {$mod: [4, 1]}}", "{a: Infinity}");
  EXPECT_MATCH("{a: {$bitsAllSet: [1, 2]}}", "{a: 6}");
  EXPECT_MATCH("{a: {$bitsAnyClear: 7}}", "{a: 6}");
  EXPECT_MATCH("{a: {$bitsAllSet: [200]}}", "{a: -1}");
}

TEST(DocstoreFilter, MatchesElementsByAllOfAFilter) {
  EXPECT_NO_MATCH("{a: {$elemMatch: {$gt: 1, $lt: 5}}}", "{a: [0, 9]}");
  EXPECT_MATCH("{a: {$elemMatch: {$gt: 1, $lt: 5}}}", "{a: [0, 3]}");
  EXPECT_MATCH("{a: {$elemMatch: {b: 1, c: 2}}}", "{a: [{b: 1}, {b: 1, c: 2}]}");
  EXPECT_NO_MATCH("{a: {$elemMatch: {b: 1, c: 2}}}", "{a: [{b: 1}, {c: 2}]}");
  EXPECT_MATCH("{a: {$elemMatch: {$elemMatch: {$gt: 2}}}}", "{a: [[1], [3]]}");
  EXPECT_MATCH("{a: {$elemMatch: {'0': 3}}}", "{a: [[1], [3]]}");
  EXPECT_MATCH("{a: {$elemMatch: {$or: [{b: 1}, {c: 1}]}}}", "{a: [{c: 1}]}");
  EXPECT_MATCH("{a: {$elemMatch: {$not: {$gt: 2}}}}", "{a: [3, 1]}");
  EXPECT_MATCH("{a: {$all: [1, 2]}}", "{a: [2, 1]}");
  EXPECT_NO_MATCH("{a: {$all: []}}", "{a: []}");
  EXPECT_MATCH("{a: {$all: [{$elemMatch: {b: 1}}, {$elemMatch: {b: 2}}]}}",
               "{a: [{b: 1}, {b: 2}]}");
}

TEST(DocstoreFilter, MatchesRegularExpressions) {
  EXPECT_MATCH("{a: /^AB/i}", "{a: 'abc'}");
  EXPECT_MATCH("{a: {$regex: 'b.c', $options: 's'}}", "{a: 'b\nc'}");
  EXPECT_MATCH("{a: {$in: [/x/, 5]}}", "{a: ['axb']}");
  EXPECT_MATCH("{a: /x/}", "{a: /x/}");
  EXPECT_NO_MATCH("{a: /x/}", "{a: 5}");
  EXPECT_MATCH("{a: /^.$/}", "{a: '\u00e9'}");
}

TEST(DocstoreFilter, SearchesTextsThatNeedMuchStack) {
  const std::string text(100000, 'a');
  EXPECT_TRUE(matches("{a: /^(a|b)*$/}", "{a: '" + text + "'}"));
  EXPECT_FALSE(matches("{a: /^(a|b)*$/}", "{a: '" + text + "c'}"));
}

TEST(DocstoreFilter, SaysThatARegularExpressionTookTooLong) {
  CommandError error;
  const std::optional<Filter> filter =
      Filter::parse(bson("{a: {$not: /^(a|aa|a)+(a|aa|a)+$/}}"), &error);
  ASSERT_TRUE(filter);
  MatchDetails details;
  filter->matches(bson("{a: '" + std::string(60, 'a') + "b'}"), &details);
  EXPECT_FALSE(details.check(&error));
  EXPECT_EQ(error.name(), "Location51156");
}

TEST(DocstoreFilter, TellsWhichElementMatched) {
  const auto position = [](std::string_view filter, std::string_view document) -> int {
    CommandError error;
    MatchDetails details;
    const std::optional<Filter> parsed = Filter::parse(bson(filter), &error);
    EXPECT_TRUE(parsed && parsed->matches(bson(document), &details));
    return details.position ? static_cast<int>(*details.position) : -1;
  };
  EXPECT_EQ(position("{a: 3}", "{a: [1, 3]}"), 1);
  EXPECT_EQ(position("{a: {$elemMatch: {b: 2}}}", "{a: [{b: 1}, {b: 2}]}"), 1);
  EXPECT_EQ(position("{'a.b': 2}", "{a: [{b: 1}, {b: [1, 2]}]}"), 1);
  EXPECT_EQ(position("{$or: [{a: 3, b: 1}, {c: 1}]}", "{a: [1, 3], c: 1}"), -1);
  EXPECT_EQ(position("{a: 3}", "{a: 3}"), -1);
  EXPECT_EQ(position("{a: [1]}", "{a: [1]}"), -1);
}

TEST(DocstoreFilter, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(refusal("{a: {$foo: 1}}"), "BadValue: unknown operator: $foo");
  EXPECT_EQ(refusal("{a: {$gt: 1, b: 2}}"), "BadValue: unknown operator: b");
  EXPECT_EQ(refusal("{$foo: 1}").substr(0, 42), "BadValue: unknown top level operator: $foo");
  EXPECT_EQ(refusal("{$and: []}"), "BadValue: $and/$or/$nor must be a nonempty array");
  EXPECT_EQ(refusal("{$or: [1]}"), "BadValue: $or/$and/$nor entries need to be full objects");
  EXPECT_EQ(refusal("{a: {$in: 1}}"), "BadValue: $in needs an array");
  EXPECT_EQ(refusal("{a: {$in: [{$gt: 1}]}}"), "BadValue: cannot nest $ under $in");
  EXPECT_EQ(refusal("{a: {$not: 1}}"), "BadValue: $not needs a regex or a document");
  EXPECT_EQ(refusal("{a: {$not: {}}}"), "BadValue: $not cannot be empty");
  EXPECT_EQ(refusal("{a: {$options: 'i'}}"), "BadValue: $options needs a $regex");
  EXPECT_EQ(refusal("{a: {$regex: 'x', $options: 'z'}}"),
            "Location51108:  invalid flag in regex options: z");
  EXPECT_EQ(refusal("{a: /(/}").substr(0, 45), "Location51091: Regular expression is invalid:");
  EXPECT_EQ(refusal("{a: {$mod: [0, 1]}}"), "BadValue: divisor cannot be 0");
  EXPECT_EQ(refusal("{a: {$mod: [1]}}"), "BadValue: malformed mod, not enough elements");
  EXPECT_EQ(refusal("{a: {$type: 'nothing'}}"), "BadValue: Unknown type name alias: nothing");
  EXPECT_EQ(refusal("{a: {$type: []}}"), "FailedToParse: a must match at least one type");
  EXPECT_EQ(refusal("{a: {$elemMatch: 1}}"), "BadValue: $elemMatch needs an Object");
  EXPECT_EQ(refusal("{a: {$all: 1}}"), "BadValue: $all needs an array");
  EXPECT_NE(refusal("{a: {$size: -1}}"), "accepted");
  EXPECT_NE(refusal("{a: {$size: 1.5}}"), "accepted");
}

TEST(DocstoreFilter, AnExpressionIsAskedOfTheWholeDocument) {
  EXPECT_MATCH("{$expr: {$gt: ['$a', '$b']}}", "{a: 2, b: 1}");
  EXPECT_NO_MATCH("{$expr: {$gt: ['$a', '$b']}}", "{a: 1, b: 1}");
  EXPECT_MATCH("{c: 5, $or: [{$expr: '$no'}, {$expr: {$eq: ['$a.x', 1]}}]}", "{c: 5, a: {x: 1}}");
  EXPECT_MATCH("{$nor: [{$expr: '$a'}]}", "{a: 0}");
  EXPECT_NO_MATCH("{$expr: {$eq: ['$a', 1]}}", "{a: [1]}");
  EXPECT_EQ(refusal("{a: {$elemMatch: {$expr: true}}}"),
            "BadValue: $expr can only be applied to the top-level document");
  EXPECT_EQ(refusal("{$expr: {$strange: 1}}"),
            "InvalidPipelineOperator: Unrecognized expression '$strange'");
}

TEST(DocstoreFilter, AnExpressionThatCannotBeEvaluatedFailsTheMatch) {
  CommandError error;
  const auto filter = Filter::parse(bson("{$nor: [{$expr: {$divide: [1, '$a']}}]}"), &error);
  ASSERT_TRUE(filter) << error.message;
  MatchDetails details;
  filter->matches(bson("{a: 0}"), &details);
  EXPECT_FALSE(details.check(&error));
  EXPECT_EQ(error.message, "can't $divide by zero");
}

TEST(DocstoreFilter, RemaindersAreThoseOfTheWholePart) {
  EXPECT_MATCH("{a: {$mod: [2, 1]}}", "{a: dec(55, -1)}");
  EXPECT_MATCH("{a: {$mod: [dec(29, -1), 1]}}", "{a: 7.9}");
  EXPECT_NO_MATCH("{a: {$mod: [2, 0]}}", "{a: dec(1, 6000)}");
  EXPECT_EQ(refusal("{a: {$bitsAllSet: -1}}").substr(0, 13), "FailedToParse");
}

}  // namespace
}  // namespace runtime::document
