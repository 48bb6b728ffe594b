#include <algorithm>

#include "docstore/document/distinct.h"
#include "docstore/document/order.h"
#include "docstore/document/sort.h"
#include "docstore_random.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

std::string sorted(std::string_view pattern, const std::vector<std::string>& documents,
                   std::uint64_t limit = 0) {
  CommandError error;
  std::optional<SortPattern> parsed = SortPattern::parse(bson(pattern), &error);
  if (!parsed) return error.name();
  Sorter sorter(std::move(*parsed), limit);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    EXPECT_TRUE(sorter.add(bson(documents[i]), static_cast<std::int64_t>(i), &error))
        << error.message;
  }
  std::string out;
  for (const Sorter::Item& item : sorter.take()) {
    EXPECT_EQ(item.document, bson(documents[static_cast<std::size_t>(item.tag)]));
    out += std::to_string(item.tag);
  }
  return out;
}

TEST(DocstoreSort, SortsByOneFieldAndThenByTheNext) {
  EXPECT_EQ(
      sorted("{a: 1, b: -1}", {"{a: 2, b: 1}", "{a: 1, b: 1}", "{a: 1, b: 2}", "{a: 1.0, b: 2}"}),
      "2310");
  EXPECT_EQ(sorted("{'a.b': -1}", {"{a: {b: 1}}", "{a: {b: 2}}", "{a: 5}"}), "102");
}

TEST(DocstoreSort, CountsTheLeastElementOfAnArrayOrTheGreatest) {
  EXPECT_EQ(sorted("{a: 1}", {"{a: [5, 1]}", "{a: 3}", "{a: [2, 9]}"}), "021");
  EXPECT_EQ(sorted("{a: -1}", {"{a: [5, 1]}", "{a: 3}", "{a: [2, 9]}"}), "201");
  EXPECT_EQ(sorted("{a: 1}", {"{a: 1}", "{}", "{a: null}", "{a: []}"}), "3120");
  EXPECT_EQ(sorted("{'a.b': 1}", {"{a: [{b: 5}, {b: 1}]}", "{a: [{b: 3}]}"}), "01");
}

TEST(DocstoreSort, KeepsTheFirstOfManyInTheOrderOfAFullSort) {
  RandomDocuments random(7);
  std::vector<std::string> documents;
  for (int i = 0; i < 300; ++i) documents.push_back(random.document(2));
  CommandError error;
  const SortPattern pattern = *SortPattern::parse(bson("{a: 1, b: -1}"), &error);
  Sorter all(pattern, 0), some(pattern, 20);
  for (const std::string& document : documents) {
    ASSERT_TRUE(all.add(document, 0, &error) && some.add(document, 0, &error));
  }
  const std::vector<Sorter::Item> expected = all.take(), first = some.take();
  ASSERT_EQ(expected.size(), 300u);
  ASSERT_EQ(first.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(first[i].document, expected[i].document);
}

TEST(DocstoreSort, RefusesToKeepMoreThanItsMemory) {
  CommandError error;
  Sorter sorter(*SortPattern::parse(bson("{a: 1}"), &error), 0, 1000);
  int added = 0;
  while (added < 100 && sorter.add(bson("{a: 'a long text, of which not many fit'}"), 0, &error))
    ++added;
  EXPECT_GT(added, 1);
  EXPECT_LT(added, 10);
  EXPECT_EQ(error.name(), "QueryExceededMemoryLimitNoDiskUseAllowed");
}

TEST(DocstoreSort, RefusesBadPatterns) {
  EXPECT_EQ(sorted("{a: 2}", {}), "Location15975");
  EXPECT_EQ(sorted("{a: 'x'}", {}), "Location15974");
  EXPECT_EQ(sorted("{a: {$meta: 'textScore'}}", {}), "BadValue");
  EXPECT_EQ(sorted("{'a..b': 1}", {}), "Location15998");
}

TEST(DocstoreDistinct, GivesEachValueOnce) {
  Distinct distinct("a.b");
  CommandError error;
  for (const char* document : {"{a: {b: 1}}", "{a: [{b: 2}, {b: [1.0, 'x']}]}", "{a: 5}",
                               "{a: {b: {c: 1}}}", "{a: {b: null}}"}) {
    ASSERT_TRUE(distinct.add(bson(document), &error));
  }
  const std::string values = distinct.take();
  EXPECT_EQ(to_text({Type::array, values}), "[ 1, 2, \"x\", { c: 1 }, null ]");
}

}  // namespace
}  // namespace runtime::document
