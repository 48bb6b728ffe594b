#include "docstore/document/projection.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

std::string projected(std::string_view projection, std::string_view document,
                      std::string_view filter = "{}") {
  CommandError error;
  const std::optional<Projection> parsed = Projection::parse(bson(projection), &error);
  if (!parsed) return error.name();
  const std::optional<Filter> wanted = Filter::parse(bson(filter), &error);
  MatchDetails details;
  EXPECT_TRUE(wanted && wanted->matches(bson(document), &details)) << filter;
  std::string out;
  if (!parsed->apply(bson(document), details, &out, &error)) return error.name();
  return out;
}
#define EXPECT_PROJECTED(expected, ...) EXPECT_DOCUMENT(projected(__VA_ARGS__), expected)

TEST(DocstoreProjection, KeepsFieldsInTheOrderOfTheDocument) {
  EXPECT_PROJECTED("{_id: 1, a: 2, b: {c: 3}}", "{'b.c': 1, a: true}",
                   "{_id: 1, a: 2, b: {c: 3, d: 4}, e: 5}");
  EXPECT_PROJECTED("{a: 2}", "{a: 1, _id: 0}", "{_id: 1, a: 2}");
  EXPECT_PROJECTED("{_id: 1}", "{_id: 1}", "{_id: 1, a: 2}");
  EXPECT_PROJECTED("{_id: 1, b: {c: 3}}", "{b: {c: 1}}", "{_id: 1, b: {c: 3, d: 4}}");
  EXPECT_PROJECTED("{_id: 1, a: 1}", "{}", "{_id: 1, a: 1}");
}

TEST(DocstoreProjection, LeavesFieldsOut) {
  EXPECT_PROJECTED("{_id: 1, b: {d: 4}}", "{a: 0, 'b.c': 0}", "{_id: 1, a: 2, b: {c: 3, d: 4}}");
  EXPECT_PROJECTED("{a: 2}", "{_id: 0}", "{_id: 1, a: 2}");
}

TEST(DocstoreProjection, GoesThroughArrays) {
  EXPECT_PROJECTED("{_id: 1, a: [{b: 1}, {}, [{b: 3}]]}", "{'a.b': 1}",
                   "{_id: 1, a: [{b: 1, c: 2}, {c: 1}, 5, [{b: 3}]]}");
  EXPECT_PROJECTED("{_id: 1, a: [{c: 2}, 5]}", "{'a.b': 0}", "{_id: 1, a: [{b: 1, c: 2}, 5]}");
  EXPECT_PROJECTED("{_id: 1}", "{'a.b': 1}", "{_id: 1, a: 5}");
}

TEST(DocstoreProjection, TakesPartsOfArrays) {
  EXPECT_PROJECTED("{_id: 1, a: [1, 2], b: 1}", "{a: {$slice: 2}}", "{_id: 1, a: [1, 2, 3], b: 1}");
  EXPECT_PROJECTED("{_id: 1, a: [3]}", "{a: {$slice: -1}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_PROJECTED("{_id: 1, a: [2]}", "{a: {$slice: [1, 1]}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_PROJECTED("{_id: 1, a: [2, 3]}", "{a: {$slice: [-2, 5]}}", "{_id: 1, a: [1, 2, 3]}");
  EXPECT_PROJECTED("{_id: 1, a: [{b: 2, c: 1}]}", "{a: {$elemMatch: {b: 2}}}",
                   "{_id: 1, a: [{b: 1}, {b: 2, c: 1}]}");
  EXPECT_PROJECTED("{_id: 1}", "{a: {$elemMatch: {$gt: 5}}}", "{_id: 1, a: [1]}");
  EXPECT_PROJECTED("{_id: 1, a: [2]}", "{'a.$': 1}", "{_id: 1, a: [1, 2], b: 1}", "{a: 2}");
  EXPECT_EQ(projected("{'a.$': 1}", "{_id: 1, a: [1, 2]}"), "Location51246");
}

TEST(DocstoreProjection, ComputesFields) {
  EXPECT_PROJECTED("{_id: 1, a: 2, s: 5, t: 'x'}", "{s: {$add: ['$a', 3]}, a: 1, t: 'x'}",
                   "{_id: 1, a: 2, b: 1}");
}

TEST(DocstoreProjection, RefusesWhatContradictsItself) {
  EXPECT_EQ(projected("{a: 1, b: 0}", "{}"), "Location31254");
  EXPECT_EQ(projected("{a: 0, b: 1}", "{}"), "Location31253");
  EXPECT_EQ(projected("{a: 1, 'a.b': 1}", "{}"), "Location31249");
  EXPECT_EQ(projected("{'a.b': 1, a: 1}", "{}"), "Location31250");
  EXPECT_EQ(projected("{a: {}}", "{}"), "Location51270");
  EXPECT_EQ(projected("{a: {$foo: 1}}", "{}"), "InvalidPipelineOperator");
}

}  // namespace
}  // namespace runtime::document
