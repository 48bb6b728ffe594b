#include "docstore/document/pipeline.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

// What a pipeline makes of documents: "doc, doc" as text, or the name of the error and its message.
std::string run(std::string_view stages, const std::vector<std::string>& documents,
                const std::vector<std::string>& others = {}) {
  CommandError error;
  const std::string bytes = bson("{p: " + std::string(stages) + "}");
  const std::optional<Pipeline> pipeline = Pipeline::parse(field(bytes, "p").bytes, &error);
  if (!pipeline) return error.name() + ": " + error.message;
  std::string out;
  Surroundings surroundings;
  surroundings.clock.ms = 1000;
  surroundings.read = [&](const std::string& collection, const Filter& filter, const auto& take,
                          CommandError* e) {
    EXPECT_EQ(collection, "others");
    for (const std::string& other : others) {
      MatchDetails details;
      const bool matches = filter.matches(bson(other), &details);
      if (!details.check(e)) return false;
      if (matches && !take(bson(other))) break;
    }
    return true;
  };
  const auto chain = pipeline->start(surroundings, [&](std::string_view document, CommandError*) {
    out += (out.empty() ? "" : " ") + shown(document);
    return true;
  });
  for (const std::string& document : documents) {
    if (!chain->wants_more()) break;
    if (!chain->push(bson(document), &error)) return error.name() + ": " + error.message;
  }
  if (!chain->finish(&error)) return error.name() + ": " + error.message;
  return out;
}
std::string documents(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : " ") + shown(bson(text));
  return out;
}
// The value of an expression on a document.
std::string computed(const std::string& expression, const std::string& document = "{}") {
  const std::string out = run("[{$project: {_id: 0, v: " + expression + "}}]", {document});
  if (!out.starts_with("{ v: ")) return out;
  return out.substr(5, out.size() - 7);
}

TEST(DocstorePipeline, FiltersSortsAndCuts) {
  EXPECT_EQ(run("[{$match: {a: {$gt: 1}}}, {$sort: {a: -1}}, {$skip: 1}, {$limit: 1}]",
                {"{a: 1}", "{a: 2}", "{a: 4}", "{a: 3}"}),
            documents({"{a: 3}"}));
  EXPECT_EQ(run("[{$limit: 2}, {$count: 'n'}]", {"{a: 1}", "{a: 2}", "{a: 4}"}),
            documents({"{n: 2}"}));
  EXPECT_EQ(run("[{$match: {a: 9}}, {$count: 'n'}]", {"{a: 1}"}), "");
}

TEST(DocstorePipeline, GroupsInTheOrderOfAppearance) {
  EXPECT_EQ(
      run("[{$group: {_id: '$k', n: {$sum: 1}, s: {$sum: '$v'}, a: {$avg: '$v'}, lo: {$min: '$v'}, "
          "hi: {$max: '$v'}, "
          "f: {$first: '$v'}, l: {$last: '$v'}, p: {$push: '$v'}, u: {$addToSet: '$k'}, c: "
          "{$count: {}}}}]",
          {"{k: 'b', v: 1}", "{k: 'a', v: 5}", "{k: 'b', v: 2.5}", "{k: 'b'}"}),
      documents(
          {"{_id: 'b', n: 3, s: 3.5, a: 1.75, lo: 1, hi: 2.5, f: 1, l: null, p: [1, 2.5], u: "
           "['b'], c: 3}",
           "{_id: 'a', n: 1, s: 5, a: 5.0, lo: 5, hi: 5, f: 5, l: 5, p: [5], u: ['a'], c: 1}"}));
  EXPECT_EQ(run("[{$group: {_id: {x: '$a'}}}]", {"{a: 1}", "{a: 1.0}", "{}"}),
            documents({"{_id: {x: 1}}", "{_id: {}}"}));
  EXPECT_EQ(run("[{$group: {_id: '$a', n: {$sum: 1}}}]", {"{}", "{a: null}"}),
            documents({"{_id: null, n: 2}"}));
  EXPECT_EQ(run("[{$sortByCount: '$a'}]", {"{a: 1}", "{a: 2}", "{a: 2}"}),
            documents({"{_id: 2, count: 2}", "{_id: 1, count: 1}"}));
  EXPECT_EQ(
      run("[{$group: {_id: null, s: {$sum: '$a'}}}]", {"{a: 2147483647}", "{a: 1}", "{a: 'x'}"}),
      documents({"{_id: null, s: 2147483648}"}));
}

TEST(DocstorePipeline, AddsAndTakesFields) {
  EXPECT_EQ(run("[{$addFields: {b: '$a', 'c.d': 5, a: 7}}]", {"{a: 1, c: {e: 1}}"}),
            documents({"{a: 7, c: {e: 1, d: 5}, b: 1}"}));
  EXPECT_EQ(run("[{$set: {'a.x': 1}}]", {"{a: [{y: 1}, 5]}"}),
            documents({"{a: [{y: 1, x: 1}, {x: 1}]}"}));
  EXPECT_EQ(run("[{$unset: ['a', 'b.c']}]", {"{a: 1, b: {c: 1, d: 1}}"}),
            documents({"{b: {d: 1}}"}));
  EXPECT_EQ(run("[{$project: {n: {$size: '$a'}}}]", {"{_id: 1, a: [1, 2]}"}),
            documents({"{_id: 1, n: 2}"}));
  EXPECT_EQ(run("[{$replaceRoot: {newRoot: '$a'}}]", {"{a: {b: 1}}"}), documents({"{b: 1}"}));
  EXPECT_EQ(run("[{$replaceWith: {$mergeObjects: ['$a', {c: 2}]}}]", {"{a: {b: 1}}"}),
            documents({"{b: 1, c: 2}"}));
  EXPECT_EQ(run("[{$replaceWith: '$a'}]", {"{a: 1}"}).substr(0, 14), "Location40228:");
}

TEST(DocstorePipeline, Unwinds) {
  EXPECT_EQ(run("[{$unwind: '$a'}]",
                {"{_id: 1, a: [1, [2]], b: 0}", "{_id: 2, a: []}", "{_id: 3, a: 5}", "{_id: 4}"}),
            documents({"{_id: 1, a: 1, b: 0}", "{_id: 1, a: [2], b: 0}", "{_id: 3, a: 5}"}));
  EXPECT_EQ(
      run("[{$unwind: {path: '$a.b', includeArrayIndex: 'i', preserveNullAndEmptyArrays: true}}]",
          {"{a: {b: [7]}}", "{a: {b: []}}", "{a: null}"}),
      documents({"{a: {b: 7}, i: 0L}", "{a: {}, i: null}", "{a: null, i: null}"}));
}

TEST(DocstorePipeline, LooksUpValuesThatLookLikeOperators) {
  EXPECT_EQ(run("[{$lookup: {from: 'others', localField: 'a', foreignField: 'k', as: 'o.x'}}]",
                {"{a: {$gt: 1}, o: 5}"}, {"{k: {$gt: 1}}", "{k: 5}"}),
            documents({"{a: {$gt: 1}, o: {x: [{k: {$gt: 1}}]}}"}));
}

TEST(DocstorePipeline, LooksUpInAnotherCollection) {
  const std::vector<std::string> others = {"{_id: 1, k: 'x'}", "{_id: 2, k: ['y', 'x']}",
                                           "{_id: 3}"};
  EXPECT_EQ(run("[{$lookup: {from: 'others', localField: 'a', foreignField: 'k', as: 'o'}}]",
                {"{a: 'x'}", "{a: ['y']}", "{}", "{a: []}", "{a: /x/}"}, others),
            documents({"{a: 'x', o: [{_id: 1, k: 'x'}, {_id: 2, k: ['y', 'x']}]}",
                       "{a: ['y'], o: [{_id: 2, k: ['y', 'x']}]}", "{o: [{_id: 3}]}",
                       "{a: [], o: []}", "{a: /x/, o: []}"}));
}

TEST(DocstorePipeline, LooksUpByAPipelineWithVariables) {
  const std::vector<std::string> others = {"{_id: 1, k: 'x', n: 5}", "{_id: 2, k: 'y', n: 1}",
                                           "{_id: 3, n: 9}"};
  const std::string correlated =
      "[{$lookup: {from: 'others', let: {k: '$a', least: '$m'}, pipeline: [{$match: {$expr: {$and: "
      "[{$eq: ['$k', '$$k']}, {$gte: ['$n', '$$least']}]}}}, {$project: {n: 1, m: '$$least'}}], "
      "as: "
      "'o'}}]";
  EXPECT_EQ(run(correlated, {"{a: 'x', m: 2}", "{a: 'y', m: 2}", "{m: 0}"}, others),
            documents({"{a: 'x', m: 2, o: [{_id: 1, n: 5, m: 2}]}", "{a: 'y', m: 2, o: []}",
                       "{m: 0, o: [{_id: 3, n: 9, m: 0}]}"}))
      << "what is missing equals what is missing";
  EXPECT_EQ(run("[{$lookup: {from: 'others', pipeline: [{$sort: {n: -1}}, {$limit: 1}], as: 'o'}}]",
                {"{a: 1}", "{a: 2}"}, others),
            documents({"{a: 1, o: [{_id: 3, n: 9}]}", "{a: 2, o: [{_id: 3, n: 9}]}"}));
  EXPECT_EQ(
      run("[{$lookup: {from: 'others', localField: 'a', foreignField: 'k', pipeline: [{$count: "
          "'c'}], as: 'o'}}]",
          {"{a: ['x', 'y']}", "{a: 'z'}"}, others),
      documents({"{a: ['x', 'y'], o: [{c: 2}]}", "{a: 'z', o: []}"}));
  // The variables of the outer one are those of the inner one too.
  EXPECT_EQ(
      run("[{$lookup: {from: 'others', let: {v: '$a'}, pipeline: [{$limit: 1}, {$lookup: {from: "
          "'others', let: {w: '$k'}, pipeline: [{$limit: 1}, {$project: {_id: 0, v: '$$v', w: "
          "'$$w'}}], as: 'p'}}, {$project: {_id: 0, p: 1}}], as: 'o'}}]",
          {"{a: 7}"}, others),
      documents({"{a: 7, o: [{p: [{v: 7, w: 'x'}]}]}"}));
}

TEST(DocstorePipeline, AnExpressionThatFailsInAFilterFailsThePipeline) {
  EXPECT_EQ(run("[{$match: {$expr: {$gt: [{$divide: [1, '$a']}, 0]}}}]", {"{a: 2}", "{a: 0}"}),
            "BadValue: can't $divide by zero");
}

TEST(DocstorePipeline, CalculatesWithDecimals) {
  EXPECT_EQ(computed("{$add: ['$a', 1, 2.5]}", "{a: dec(15, -1)}"),
            "NumberDecimal('5.00000000000000')");
  EXPECT_EQ(computed("{$subtract: [1, '$a']}", "{a: dec(15, -1)}"), "NumberDecimal('-0.5')");
  EXPECT_EQ(computed("{$multiply: ['$a', '$a']}", "{a: dec(15, -1)}"), "NumberDecimal('2.25')");
  EXPECT_EQ(computed("{$divide: ['$a', 2]}", "{a: dec(15, -1)}"), "NumberDecimal('0.75')");
  EXPECT_EQ(computed("{$abs: '$a'}", "{a: dec(-15, -1)}"), "NumberDecimal('1.5')");
  EXPECT_EQ(computed("{$divide: ['$a', dec(0, 0)]}", "{a: 1}"), "BadValue: can't $divide by zero");
  EXPECT_EQ(computed("{$toInt: '$a'}", "{a: dec(-159, -1)}"), "-15");
  EXPECT_EQ(run("[{$group: {_id: null, s: {$sum: '$a'}, v: {$avg: '$a'}}}]",
                {"{a: 1}", "{a: dec(25, -1)}", "{a: 'x'}"}),
            documents({"{_id: null, s: dec(35, -1), v: dec(175, -2)}"}));
}

TEST(DocstorePipeline, ASumOfDoublesLosesNothingOnTheWay) {
  const std::vector<std::string> tenths(10, "{a: 0.1}");
  EXPECT_EQ(run("[{$group: {_id: null, s: {$sum: '$a'}, v: {$avg: '$a'}}}]", tenths),
            documents({"{_id: null, s: 1.0, v: 0.1}"}));
  EXPECT_EQ(run("[{$group: {_id: null, s: {$sum: '$a'}}}]", {"{a: 1e16}", "{a: 1}", "{a: -1e16}"}),
            documents({"{_id: null, s: 1.0}"}));
  EXPECT_EQ(
      run("[{$group: {_id: null, s: {$sum: '$a'}}}]", {"{a: 9223372036854775807L}", "{a: 1}"}),
      documents({"{_id: null, s: 9223372036854775808.0}"}));
}

TEST(DocstorePipeline, RoundsAtAPlace) {
  EXPECT_EQ(computed("{$round: ['$a', 2]}", "{a: 123.456}"), "123.46");
  EXPECT_EQ(computed("{$round: ['$a', 2]}", "{a: 1.005}"), "1.0")
      << "it is less than its digits say";
  EXPECT_EQ(computed("{$round: ['$a', 2]}", "{a: 2.675}"), "2.67");
  EXPECT_EQ(computed("{$round: ['$a', 1]}", "{a: -0.25}"), "-0.2") << "to the even one";
  EXPECT_EQ(computed("{$round: ['$a', 1]}", "{a: Infinity}"), "Infinity");
  EXPECT_EQ(computed("{$round: '$a'}", "{a: 2.5}"), "2.0");
  EXPECT_EQ(computed("{$round: '$a'}", "{a: 3.5}"), "4.0");
  EXPECT_EQ(computed("{$round: ['$a', -2]}", "{a: 1250}"), "1200");
  EXPECT_EQ(computed("{$round: ['$a', -2]}", "{a: 1251L}"), "1300");
  EXPECT_EQ(computed("{$trunc: ['$a', 1]}", "{a: -123.456}"), "-123.4");
  EXPECT_EQ(computed("{$trunc: ['$a', -3]}", "{a: 123.456}"), "0.0");
  EXPECT_EQ(computed("{$round: ['$a', 1.5]}", "{a: 1}").substr(0, 13), "Location51082");
  EXPECT_EQ(computed("{$round: ['$a', 101]}", "{a: 1}").substr(0, 13), "Location51083");
  EXPECT_EQ(computed("{$round: ['$a', null]}", "{a: 1}"), "null");
  EXPECT_EQ(computed("{$log10: 1000}", "{}"), "3.0");
  EXPECT_EQ(computed("{$ln: 0}", "{}").substr(0, 13), "Location28766");
  EXPECT_EQ(computed("{$log: [8, 1]}", "{}").substr(0, 13), "Location28759");
  EXPECT_EQ(computed("{$abs: 'x'}", "{}").substr(0, 13), "Location28765");
}

TEST(DocstorePipeline, CutsAndSearchesText) {
  EXPECT_EQ(computed("{$substr: ['$a', 1, 3]}", "{a: 'Hello'}"), "\"ell\"");
  EXPECT_EQ(computed("{$substrBytes: ['$a', 1, -1]}", "{a: 12345}"), "\"2345\"");
  EXPECT_EQ(computed("{$substrBytes: ['$a', 1, 1]}", "{a: 'éa'}").substr(0, 13), "Location28656");
  EXPECT_EQ(computed("{$substrBytes: ['$a', 0, 1]}", "{a: 'éa'}").substr(0, 13), "Location28657");
  EXPECT_EQ(computed("{$substrCP: ['$a', -1, 1]}", "{a: 'x'}").substr(0, 13), "Location34455");
  EXPECT_EQ(computed("{$substr: [true, 0, 1]}", "{}").substr(0, 13), "Location16007");
  EXPECT_EQ(computed("{$toUpper: '$a'}", "{a: date(0)}"), "\"1970-01-01T00:00:00.000Z\"");
  EXPECT_EQ(computed("{$strcasecmp: ['a', 'B']}", "{}"), "-1");
  EXPECT_EQ(computed("{$indexOfCP: ['éabé', 'é', 1]}", "{}"), "3");
  EXPECT_EQ(computed("{$indexOfBytes: ['éabé', 'é', 1]}", "{}"), "4");
  EXPECT_EQ(computed("{$indexOfCP: ['abc', 'c', 0, 2]}", "{}"), "-1");
  EXPECT_EQ(computed("{$indexOfCP: ['abc', 'a', 5, 2]}", "{}"), "-1");
  EXPECT_EQ(computed("{$indexOfCP: ['$none', 'a']}", "{}"), "null");
  EXPECT_EQ(computed("{$indexOfCP: ['a', 5]}", "{}").substr(0, 13), "Location40094");
  EXPECT_EQ(computed("{$trim: {input: '  x\u00a0 '}}", "{}"), "\"x\"");
  EXPECT_EQ(computed("{$ltrim: {input: 'xyxa', chars: 'yx'}}", "{}"), "\"a\"");
  EXPECT_EQ(computed("{$rtrim: {input: 'axy', chars: 'yx'}}", "{}"), "\"a\"");
  EXPECT_EQ(computed("{$trim: {input: 5}}", "{}").substr(0, 13), "Location50699");
  EXPECT_EQ(computed("{$trim: {input: 'a', wings: 2}}", "{}").substr(0, 13), "FailedToParse");
  EXPECT_EQ(computed("{$replaceAll: {input: 'aXbX', find: 'X', replacement: '--'}}", "{}"),
            "\"a--b--\"");
  EXPECT_EQ(computed("{$replaceOne: {input: 'aXbX', find: 'X', replacement: '-'}}", "{}"),
            "\"a-bX\"");
  EXPECT_EQ(computed("{$replaceAll: {input: 'ab', find: '', replacement: '-'}}", "{}"),
            "\"-a-b-\"");
  EXPECT_EQ(computed("{$replaceAll: {input: 'ab', find: null, replacement: '-'}}", "{}"), "null");
  EXPECT_EQ(computed("{$regexMatch: {input: '$a', regex: /^h/i}}", "{a: 'Hello'}"), "true");
  EXPECT_EQ(computed("{$regexMatch: {input: '$a', regex: '^h', options: 'i'}}", "{a: 'Hello'}"),
            "true");
  EXPECT_EQ(computed("{$regexMatch: {input: '$a', regex: '^h'}}", "{}"), "false");
  EXPECT_EQ(computed("{$regexMatch: {input: 'a', regex: /a/i, options: 'i'}}", "{}").substr(0, 13),
            "Location51107");
  EXPECT_EQ(computed("{$regexMatch: {input: 'a', regex: '('}}", "{}").substr(0, 13),
            "Location51091");
}

TEST(DocstorePipeline, TakesArraysForSets) {
  EXPECT_EQ(computed("{$setUnion: [[3, 1, 3], [1.0, 2]]}", "{}"), "[ 3, 1, 2 ]");
  EXPECT_EQ(computed("{$setIntersection: [[1, 2, 2], [2, 3], [2]]}", "{}"), "[ 2 ]");
  EXPECT_EQ(computed("{$setDifference: [[1, 2, 1], [2]]}", "{}"), "[ 1 ]");
  EXPECT_EQ(computed("{$setUnion: [[1], '$none']}", "{}"), "null");
  EXPECT_EQ(computed("{$setUnion: [[1], 5]}", "{}").substr(0, 13), "Location17043");
  EXPECT_EQ(computed("{$setEquals: [[1, 2], [2, 1, 1]]}", "{}"), "true");
  EXPECT_EQ(computed("{$setIsSubset: [[1, 4], [1, 2]]}", "{}"), "false");
  EXPECT_EQ(computed("{$setIsSubset: [[], [1, 2]]}", "{}"), "true");
  EXPECT_EQ(computed("{$anyElementTrue: [[0, null, 1]]}", "{}"), "true");
  EXPECT_EQ(computed("{$allElementsTrue: [[]]}", "{}"), "true");
  EXPECT_EQ(computed("{$range: [0, 5, 2]}", "{}"), "[ 0, 2, 4 ]");
  EXPECT_EQ(computed("{$range: [2147483646, 2147483647, 2]}", "{}"), "[ 2147483646 ]");
  EXPECT_EQ(computed("{$range: [3, 0, -2]}", "{}"), "[ 3, 1 ]");
  EXPECT_EQ(computed("{$range: [0, 1, 0]}", "{}").substr(0, 13), "Location34449");
  EXPECT_EQ(computed("{$range: [0, 2147483647]}", "{}").substr(0, 18), "BSONObjectTooLarge");
  EXPECT_EQ(computed("{$indexOfArray: [[5, 6, 5], 5, 1]}", "{}"), "2");
  EXPECT_EQ(computed("{$sortArray: {input: [3, 1, 2], sortBy: -1}}", "{}"), "[ 3, 2, 1 ]");
  EXPECT_EQ(computed("{$sortArray: {input: [{a: 2}, {a: 1}], sortBy: {a: 1}}}", "{}"),
            "[ { a: 1 }, { a: 2 } ]");
  EXPECT_EQ(computed("{$isNumber: '$a'}", "{a: dec(1, 0)}"), "true");
  EXPECT_EQ(computed("{$toDecimal: '1.50'}", "{}"), "NumberDecimal('1.50')");
  EXPECT_EQ(computed("{$toDecimal: 'x'}", "{}").substr(0, 17), "ConversionFailure");
  EXPECT_EQ(computed("{$toDouble: '$a'}", "{a: dec(15, -1)}"), "1.5");
  EXPECT_EQ(computed("{$toDouble: '$a'}", "{a: dec(1, 6000)}").substr(0, 17), "ConversionFailure");
}

TEST(DocstorePipeline, TakesDatesApartInUtc) {
  EXPECT_EQ(computed("{$year: {date: '$d'}}", "{d: date(0)}"), "1970");
  EXPECT_EQ(computed("{$hour: {date: '$d', timezone: 'UTC'}}", "{d: date(3600000)}"), "1");
  EXPECT_EQ(computed("{$hour: {date: '$d', timezone: 'Asia/Tokyo'}}", "{d: date(0)}").substr(0, 14),
            "NotImplemented");
  EXPECT_EQ(computed("{$hour: {date: '$d', zone: 1}}", "{d: date(0)}").substr(0, 13),
            "Location40535");
}

TEST(DocstorePipeline, Calculates) {
  EXPECT_EQ(computed("{$add: ['$a', 1, 2.5]}", "{a: 1}"), "4.5");
  EXPECT_EQ(computed("{$add: ['$d', 1000]}", "{d: date(5)}"), "new Date(1005)");
  EXPECT_EQ(computed("{$subtract: [5, 7]}"), "-2");
  EXPECT_EQ(computed("{$subtract: ['$d', '$e']}", "{d: date(5), e: date(3)}"), "2");
  EXPECT_EQ(computed("{$multiply: [3, 4]}"), "12");
  EXPECT_EQ(computed("{$divide: [1, 2]}"), "0.5");
  EXPECT_EQ(computed("{$divide: [1, 0]}").substr(0, 8), "BadValue");
  EXPECT_EQ(computed("{$mod: [-7, 4]}"), "-3");
  EXPECT_EQ(computed("{$add: [9223372036854775807, 1]}"), "9223372036854775808.0");
  EXPECT_EQ(computed("{$add: ['$nothing', 1]}"), "null");
  EXPECT_EQ(computed("{$add: ['x', 1]}").substr(0, 12), "TypeMismatch");
  EXPECT_EQ(computed("{$abs: -3}"), "3");
  EXPECT_EQ(computed("{$floor: 2.7}"), "2.0");
  EXPECT_EQ(computed("{$pow: [2, 10]}"), "1024");
  EXPECT_EQ(computed("{$max: [[1, 5, 2]]}"), "5");
  EXPECT_EQ(computed("{$sum: '$a'}", "{a: [1, 2]}"), "3");
}

TEST(DocstorePipeline, ComparesAndDecides) {
  EXPECT_EQ(computed("{$eq: ['$a', 1.0]}", "{a: 1}"), "true");
  EXPECT_EQ(computed("{$cmp: [1, 'x']}"), "-1");
  EXPECT_EQ(computed("{$cond: [{$gt: ['$a', 1]}, 'big', 'small']}", "{a: 2}"), "\"big\"");
  EXPECT_EQ(computed("{$cond: {if: false, then: 1, else: 2}}"), "2");
  EXPECT_EQ(computed("{$ifNull: ['$a', '$b', 7]}"), "7");
  EXPECT_EQ(computed("{$and: [1, '$a']}"), "false");
  EXPECT_EQ(computed("{$or: [0, 'x']}"), "true");
  EXPECT_EQ(computed("{$not: ['$a']}"), "true");
  EXPECT_EQ(
      computed("{$switch: {branches: [{case: {$lt: ['$a', 5]}, then: 'low'}], default: 'high'}}",
               "{a: 7}"),
      "\"high\"");
}

TEST(DocstorePipeline, TellsPlacesInArraysThatAreNoneByMongodbsCodes) {
  const auto refused = [](const std::string& expression, const std::string& code) {
    const std::string out = computed(expression);
    EXPECT_TRUE(out.starts_with(code + ": ")) << expression << " → " << out;
  };
  refused("{$arrayElemAt: [5, 0]}", "Location28689");
  refused("{$arrayElemAt: [[1, 2], 'x']}", "Location28690");
  refused("{$arrayElemAt: [[1, 2], 1.5]}", "Location28691");
  refused("{$arrayElemAt: [[1, 2], 4294967296]}", "Location28691");
  EXPECT_EQ(computed("{$arrayElemAt: [[1, 2], 1.0]}"), "2");
  refused("{$slice: [5, 'x']}", "Location28724");
  refused("{$slice: [[1, 2], 'x']}", "Location28725");
  refused("{$slice: [[1, 2], 1.5]}", "Location28726");
  refused("{$slice: [[1, 2], 0, 'x']}", "Location28727");
  refused("{$slice: [[1, 2], 0, 0.5]}", "Location28728");
  refused("{$slice: [[1, 2], 0, 0]}", "Location28729");
  EXPECT_EQ(computed("{$slice: [[1, 2], -2147483648]}"), "[ 1, 2 ]");
}

TEST(DocstorePipeline, WorksOnTextArraysAndDates) {
  EXPECT_EQ(computed("{$concat: ['a', '$b']}", "{b: 'c'}"), "\"ac\"");
  EXPECT_EQ(computed("{$toUpper: 'abc'}"), "\"ABC\"");
  EXPECT_EQ(computed("{$strLenCP: '\u00e9x'}"), "2");
  EXPECT_EQ(computed("{$substrCP: ['\u00e9xyz', 1, 2]}"), "\"xy\"");
  EXPECT_EQ(computed("{$split: ['a-b', '-']}"), "[ \"a\", \"b\" ]");
  EXPECT_EQ(computed("'$a.b'", "{a: [{b: 1}, {c: 1}, {b: 2}]}"), "[ 1, 2 ]");
  EXPECT_EQ(computed("{$arrayElemAt: ['$a', -1]}", "{a: [1, 2]}"), "2");
  EXPECT_EQ(computed("{$map: {input: '$a', as: 'x', in: {$add: ['$$x', 1]}}}", "{a: [1, 2]}"),
            "[ 2, 3 ]");
  EXPECT_EQ(computed("{$filter: {input: '$a', cond: {$gt: ['$$this', 1]}}}", "{a: [1, 2]}"),
            "[ 2 ]");
  EXPECT_EQ(computed("{$reduce: {input: '$a', initialValue: 0, in: {$add: ['$$value', '$$this']}}}",
                     "{a: [1, 2]}"),
            "3");
  EXPECT_EQ(computed("{$let: {vars: {x: 2}, in: {$multiply: ['$$x', '$$x']}}}"), "4");
  EXPECT_EQ(computed("{$slice: [[1, 2, 3], 1, 1]}"), "[ 2 ]");
  EXPECT_EQ(computed("{$literal: '$a'}"), "\"$a\"");
  EXPECT_EQ(computed("{$toString: 1.5}"), "\"1.5\"");
  EXPECT_EQ(computed("{$toInt: '42'}"), "42");
  EXPECT_EQ(computed("{$toInt: 'x'}").substr(0, 17), "ConversionFailure");
  EXPECT_EQ(computed("{$type: '$a'}"), "\"missing\"");
  EXPECT_EQ(
      computed("{$dateToString: {date: '$d', format: '%Y-%m-%d %H:%M:%S.%L'}}", "{d: date(-1)}"),
      "\"1969-12-31 23:59:59.999\"");
  EXPECT_EQ(computed("{$dateToString: {date: '$d', format: '%j %w'}}", "{d: date(1709164800000)}"),
            "\"060 5\"");
  EXPECT_EQ(computed("{$toDate: '2026-11-28T12:00:00+01:00'}"), "new Date(1795863600000)");
  EXPECT_EQ(computed("'$$NOW'"), "new Date(1000)");
}

TEST(DocstorePipeline, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(run("[{$foo: 1}]", {}), "Location40324: Unrecognized pipeline stage name: '$foo'");
  EXPECT_EQ(run("[{}]", {}).substr(0, 13), "Location40323");
  EXPECT_EQ(run("[{$project: {a: {$foo: 1}}}]", {}),
            "InvalidPipelineOperator: Unrecognized expression '$foo'");
  EXPECT_EQ(run("[{$project: {a: '$$foo'}}]", {}), "Location17276: Use of undefined variable: foo");
  EXPECT_EQ(run("[{$project: {a: {$subtract: [1]}}}]", {}),
            "Location16020: Expression $subtract takes exactly 2 arguments. 1 were passed in.");
  EXPECT_EQ(run("[{$group: {n: {$sum: 1}}}]", {}).substr(0, 13), "Location15955");
  EXPECT_EQ(run("[{$group: {_id: 1, n: {$foo: 1}}}]", {}),
            "Location15952: unknown group operator '$foo'");
  EXPECT_EQ(run("[{$limit: 0}]", {}), "Location15958: the limit must be positive");
  EXPECT_EQ(
      run("[{$lookup: {from: 'x', as: 'y', let: {a: 1}, localField: 'a', foreignField: 'b'}}]", {}),
      "FailedToParse: $lookup with a 'let' argument must also specify 'pipeline'");
  EXPECT_EQ(run("[{$lookup: {from: 'x', as: 'y', localField: 'a'}}]", {}).substr(0, 13),
            "FailedToParse");
  EXPECT_EQ(run("[{$lookup: {from: 'x', as: 'y'}}]", {}).substr(0, 13), "FailedToParse");
  EXPECT_EQ(run("[{$lookup: {from: 'x', as: 'y', pipeline: [{$project: {a: '$$v'}}]}}]", {}),
            "Location17276: Use of undefined variable: v");
  EXPECT_EQ(run("[{$changeStream: {}}]", {}).substr(0, 13), "Location40573");
  EXPECT_EQ(run("[{$unset: 5}]", {}).substr(0, 13), "Location31002");
  std::string nested = "[]";
  for (int i = 0; i < 21; ++i)
    nested = "[{$lookup: {from: 'others', as: 'y', pipeline: " + nested + "}}]";
  EXPECT_EQ(
      run(nested, {}),
      "MaxSubPipelineDepthExceeded: Maximum number of nested sub-pipelines exceeded. Limit is 20");
  EXPECT_EQ(run("[{$unwind: 'a'}]", {}).substr(0, 13), "Location28818");
}

TEST(DocstorePipeline, RefusesValuesThatGrowWithoutEnd) {
  const std::string twice = "[{$project: {v: {$reduce: {input: {$split: ['" +
                            std::string(300, '-') + "', '-']}, initialValue: ['x'], in: ";
  EXPECT_EQ(run(twice + "{$concatArrays: ['$$value', '$$value']}}}}}]", {"{}"}).substr(0, 18),
            "BSONObjectTooLarge");
  const std::string large = "{a: '" + std::string(8 << 20, 'x') + "'}";
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "'$a', ";
  for (const char* before : {"[", "{$concat: [", "{$add: ["}) {
    const std::string expression = before + many + (before[0] == '[' ? "]" : "]}");
    EXPECT_EQ(run("[{$project: {v: " + expression + "}}]", {large}).substr(0, 18),
              "BSONObjectTooLarge");
  }
  EXPECT_EQ(run("[{$project: {v: {a: '$a', b: '$a', c: '$a'}}}]", {large}).substr(0, 18),
            "BSONObjectTooLarge");
  EXPECT_EQ(run("[{$addFields: {b: '$a', c: '$a', d: '$a'}}]", {large}).substr(0, 18),
            "BSONObjectTooLarge");
  EXPECT_EQ(run(twice + "['$$value']}}}}]", {"{}"}).substr(0, 8), "Overflow");
}

}  // namespace
}  // namespace runtime::document
