#include "docstore/document/filter.h"
#include "docstore/document/order.h"
#include "docstore/document/path.h"
#include "docstore_random.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

// The keys that an index on the path has of a document.
std::vector<std::string> index_keys(std::string_view document, std::string_view path) {
  std::vector<std::string> keys;
  const std::string null = key_of({Type::null, {}});
  walk(document_value(document), Path(path), Leaf::whole, [&](const Met& met) {
    if (!met.value.is_array()) {
      keys.push_back(met.value.is_missing() ? null : key_of(met.value));
      return false;
    }
    bson::Reader reader(met.value.bytes);
    bson::Element element;
    while (reader.next(&element)) keys.push_back(key_of(Value(element)));
    if (is_empty(met.value.bytes)) keys.push_back(null);
    return false;
  });
  if (keys.empty()) keys.push_back(null);
  return keys;
}

bool holds(const PathBound& bound, std::string_view document) {
  for (const std::string& key : index_keys(document, bound.path)) {
    for (const KeyRange& range : bound.ranges) {
      if (range.low <= key && key < range.high) return true;
    }
  }
  return false;
}

std::vector<PathBound> bounds_of(std::string_view filter) {
  CommandError error;
  const std::optional<Filter> parsed = Filter::parse(filter, &error);
  return parsed ? parsed->bounds() : std::vector<PathBound>();
}

TEST(DocstoreBounds, WhatMatchesIsWhereTheIndexIsAsked) {
  constexpr std::string_view kOperators[] = {"$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$all"};
  RandomDocuments random(5);
  int matched = 0;
  for (int i = 0; i < 30000; ++i) {
    const std::string document = random.document(3);
    const OwnedValue operand = random.value(2);
    const std::string_view name = random.one_of(kOperators);
    bson::Writer writer;
    const std::size_t root = writer.open();
    const std::size_t condition = writer.open(Type::document, random.below(2) == 0 ? "a" : "a.b");
    const bool in_elements = random.below(4) == 0;
    const std::size_t elements = in_elements ? writer.open(Type::document, "$elemMatch") : 0;
    if (name == "$in" || name == "$all") {
      const std::size_t list = writer.open(Type::array, name);
      write(writer, "0", operand.view());
      if (name == "$in") write(writer, "1", random.value(1).view());
      writer.close(list);
    } else {
      write(writer, name, operand.view());
    }
    if (in_elements) writer.close(elements);
    writer.close(condition);
    writer.close(root);
    CommandError error;
    const std::optional<Filter> filter = Filter::parse(writer.bytes(), &error);
    MatchDetails details;
    if (!filter || !filter->matches(document, &details)) continue;
    ++matched;
    for (const PathBound& bound : filter->bounds()) {
      ASSERT_TRUE(holds(bound, document)) << shown(writer.bytes()) << " on " << shown(document);
    }
  }
  EXPECT_GT(matched, 300) << "the test says little";
}

TEST(DocstoreBounds, AnExpressionThatMatchesIsWhereTheIndexIsAsked) {
  RandomDocuments random(6);
  int matched = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::string document = random.document(3);
    bson::Writer writer;
    const std::size_t root = writer.open();
    const std::size_t expression = writer.open(Type::document, "$expr");
    const std::size_t list = writer.open(Type::array, "$eq");
    const bool path_first = random.below(2) == 0;
    const OwnedValue path = OwnedValue::string(random.below(2) == 0 ? "$a" : "$a.b");
    const OwnedValue operand = random.value(0);
    write(writer, "0", path_first ? path.view() : operand.view());
    write(writer, "1", path_first ? operand.view() : path.view());
    writer.close(list);
    writer.close(expression);
    writer.close(root);
    CommandError error;
    const std::optional<Filter> filter = Filter::parse(writer.bytes(), &error);
    MatchDetails details;
    if (!filter || !filter->matches(document, &details)) continue;
    for (const PathBound& bound : filter->bounds()) {
      ++matched;
      ASSERT_TRUE(holds(bound, document)) << shown(writer.bytes()) << " on " << shown(document);
    }
  }
  EXPECT_GT(matched, 100) << "the test says little";
}

TEST(DocstoreBounds, SaysWhatTheFilterAsks) {
  const auto of = [](std::string_view filter) { return bounds_of(bson(filter)); };
  EXPECT_TRUE(of("{}").empty());
  EXPECT_TRUE(of("{a: {$ne: 1}}").empty());
  EXPECT_TRUE(of("{$or: [{a: 1}, {b: 1}]}").empty());
  EXPECT_TRUE(of("{'a.0': 1}").empty());
  EXPECT_TRUE(of("{a: {$gt: [1]}}").empty());
  EXPECT_TRUE(of("{$expr: {$eq: ['$a', '$b']}}").empty());
  EXPECT_TRUE(of("{$expr: {$eq: ['$a', null]}}").empty());
  EXPECT_TRUE(of("{$expr: {$or: [{$eq: ['$a', 1]}]}}").empty());
  EXPECT_EQ(
      of("{$expr: {$and: [{$eq: [1, '$a']}, {$eq: ['$b.c', 'x']}, {$gt: ['$d', 1]}]}}").size(), 2u);
  ASSERT_EQ(of("{a: 1, b: {$gt: 2, $lt: 5}}").size(), 3u);
  EXPECT_TRUE(of("{a: 1}")[0].is_points);
  EXPECT_FALSE(of("{a: 1}")[0].takes_missing);
  EXPECT_TRUE(of("{a: null}")[0].takes_missing);
  EXPECT_EQ(of("{a: {$in: [3, 1, 1.0]}}")[0].ranges.size(), 2u);
  EXPECT_EQ(of("{a: {$elemMatch: {b: 1}}}")[0].path, "a.b");
  EXPECT_EQ(of("{$and: [{a: {$eq: 5}}]}")[0].path, "a");
}

TEST(DocstoreBounds, FindsTheLettersThatARegularExpressionBeginsWith) {
  const auto takes = [](std::string_view filter, const std::string& text) {
    const std::vector<PathBound> bounds = bounds_of(bson(filter));
    return bounds.empty() || holds(bounds[0], bson("{a: '" + text + "'}"));
  };
  EXPECT_TRUE(takes("{a: /^abc/}", "abcd"));
  EXPECT_FALSE(takes("{a: /^abc/}", "abd"));
  EXPECT_TRUE(takes("{a: /^abc*/}", "abd"));
  EXPECT_TRUE(takes("{a: /^abc?x/}", "abx"));
  EXPECT_TRUE(takes("{a: /^abc|x/}", "x"));
  EXPECT_TRUE(takes("{a: /^abc/i}", "ABC"));
  EXPECT_TRUE(takes("{a: /^a b/x}", "ab"));
  EXPECT_TRUE(takes("{a: /^abc{0,1}/}", "ab"));
}

}  // namespace
}  // namespace runtime::document
