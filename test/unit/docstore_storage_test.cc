// Collections, indexes, plans and scans on a SQLite in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "docstore/storage/catalogue.h"
#include "docstore/storage/plan.h"
#include "docstore/storage/scan.h"
#include "docstore_text.h"

namespace runtime::docstore {
namespace {

using document::bson;
using document::CommandError;
using document::Filter;

class DocstoreStorage : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(connection_.open(":memory:"), "");
    ASSERT_EQ(catalogue_.prepare(), "");
    collection_ = catalogue_.create("db", "c", bson("{}"));
    ASSERT_NE(collection_, nullptr);
  }

  std::optional<WriteFault> insert(const std::string& text) {
    const std::string document = bson(text);
    return collection_->insert(document, document::first_element(document));
  }
  void insert_all(std::initializer_list<const char*> texts) {
    for (const char* text : texts) EXPECT_FALSE(insert(text)) << text;
  }
  Index* make_index(const std::string& text) {
    CommandError error;
    const auto spec = parse_index(bson(text), &error);
    EXPECT_TRUE(spec) << error.message;
    Index* const index = catalogue_.create_index(*collection_, *spec);
    EXPECT_FALSE(collection_->fill(*index));
    return index;
  }
  Plan plan(const std::string& filter, const std::string& sort = "{}") {
    CommandError error;
    auto parsed = Filter::parse(bson(filter), &error);
    EXPECT_TRUE(parsed) << error.message;
    const std::string order = bson(sort);
    return *choose_plan(*collection_,
                        {*parsed, order == bson("{}") ? std::string_view() : order, {}});
  }
  // The _ids along a plan, `at_once` with each scan; 0: all with one.
  std::vector<std::int64_t> read(Plan plan, std::size_t at_once = 0) {
    ScanState state;
    state.plan = std::move(plan);
    std::vector<std::int64_t> ids;
    for (std::size_t before = 1; before != 0;) {
      before = 0;
      Scan scan(*collection_, state);
      while ((at_once == 0 || before < at_once) && scan.next()) {
        ids.push_back(document::field(scan.document(), "_id").integer());
        ++before;
      }
      if (at_once == 0) break;
    }
    return ids;
  }

  Connection connection_;
  Catalogue catalogue_{connection_};
  Collection* collection_ = nullptr;
};

using Ids = std::vector<std::int64_t>;

TEST_F(DocstoreStorage, DocumentsComeInTheOrderOfTheirInsertion) {
  insert_all({"{_id: 3}", "{_id: 1}", "{_id: 2}"});
  EXPECT_EQ(read(plan("{}")), (Ids{3, 1, 2}));
  EXPECT_EQ(read(plan("{}"), 1), (Ids{3, 1, 2}));
  EXPECT_EQ(collection_->count(), 3);
}

TEST_F(DocstoreStorage, ADocumentThatIsReplacedStaysInItsPlace) {
  insert_all({"{_id: 1, a: 1}", "{_id: 2, a: 1}"});
  EXPECT_FALSE(
      collection_->replace(1, bson("{_id: 1, a: 1}"), bson("{_id: 1, a: 'longer than before'}")));
  EXPECT_EQ(read(plan("{}")), (Ids{1, 2}));
}

TEST_F(DocstoreStorage, NumbersOfOneWorthAreOneId) {
  insert_all({"{_id: 1}", "{_id: '1'}"});
  for (const char* same : {"{_id: 1.0}", "{_id: 1L}"}) {
    const auto fault = insert(same);
    ASSERT_TRUE(fault) << same;
    EXPECT_EQ(fault->kind, WriteFault::Kind::duplicate);
    EXPECT_EQ(fault->key_pattern, bson("{_id: 1}"));
  }
  EXPECT_EQ(collection_->count(), 2);
}

TEST_F(DocstoreStorage, ANumberIsNotGivenTwice) {
  insert_all({"{_id: 1}", "{_id: 2}"});
  EXPECT_FALSE(collection_->remove(2, bson("{_id: 2}")));
  insert_all({"{_id: 3}"});
  std::string document;
  EXPECT_FALSE(collection_->fetch(2, &document));
  EXPECT_TRUE(collection_->fetch(3, &document));
}

TEST_F(DocstoreStorage, AScanGoesOnBehindWhatItHasRead) {
  insert_all({"{_id: 1}", "{_id: 2}", "{_id: 3}"});
  ScanState state;
  {
    Scan scan(*collection_, state);
    ASSERT_TRUE(scan.next());
    ASSERT_TRUE(scan.next());
  }
  EXPECT_FALSE(collection_->remove(2, bson("{_id: 2}")));
  EXPECT_FALSE(collection_->remove(3, bson("{_id: 3}")));
  insert_all({"{_id: 4}"});
  Scan scan(*collection_, state);
  ASSERT_TRUE(scan.next());
  EXPECT_EQ(document::field(scan.document(), "_id").integer(), 4);
  EXPECT_FALSE(scan.next());
}

TEST_F(DocstoreStorage, AUniqueIndexRefusesWithoutATrace) {
  make_index("{key: {a: 1, b: -1}, name: 'ab', unique: true}");
  insert_all({"{_id: 1, a: 1, b: 'x'}", "{_id: 2, a: 1, b: 'y'}"});
  const auto fault = insert("{_id: 3, a: 1.0, b: 'y'}");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->message,
            "E11000 duplicate key error collection: db.c index: ab dup key: { a: 1.0, b: \"y\" }");
  EXPECT_EQ(fault->key_pattern, bson("{a: 1, b: -1}"));
  EXPECT_EQ(fault->key_value, bson("{a: 1.0, b: 'y'}"));
  EXPECT_EQ(read(plan("{}")), (Ids{1, 2}));
  EXPECT_TRUE(
      collection_->replace(2, bson("{_id: 2, a: 1, b: 'y'}"), bson("{_id: 2, a: 1, b: 'x'}")));
  EXPECT_EQ(read(plan("{a: 1, b: 'y'}")), (Ids{2})) << "the old key still leads there";
}

TEST_F(DocstoreStorage, TheElementThatIsDuplicateIsNamed) {
  make_index("{key: {'t.n': 1}, unique: true, name: 'i'}");
  insert_all({"{_id: 1, t: [{n: 1}, {n: 2}]}", "{_id: 2, t: [{n: 3}, {n: 3}]}"});
  const auto fault = insert("{_id: 3, t: [{n: 9}, {n: 2}]}");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->key_value, bson("{'t.n': 2}"));
}

TEST_F(DocstoreStorage, WhatIsMissingIsNullToAnIndexAndOnceToAUniqueOne) {
  make_index("{key: {a: 1}, unique: true, name: 'i'}");
  insert_all({"{_id: 1}"});
  EXPECT_TRUE(insert("{_id: 2, a: null}"));
}

TEST_F(DocstoreStorage, ASparseIndexLeavesOutWhatLacksThePath) {
  make_index("{key: {a: 1}, unique: true, sparse: true, name: 'i'}");
  insert_all({"{_id: 1}", "{_id: 2}", "{_id: 3, a: 5}", "{_id: 4, a: null}"});
  EXPECT_EQ(plan("{a: 5}").kind, Plan::Kind::index);
  EXPECT_EQ(plan("{a: null}").kind, Plan::Kind::documents);
  EXPECT_EQ(plan("{}", "{a: 1}").kind, Plan::Kind::documents);
}

TEST_F(DocstoreStorage, APartialIndexConcernsWhatItsFilterTakes) {
  make_index("{key: {a: 1}, unique: true, partialFilterExpression: {on: true}, name: 'i'}");
  insert_all({"{_id: 1, a: 1}", "{_id: 2, a: 1}", "{_id: 3, a: 1, on: true}"});
  EXPECT_TRUE(insert("{_id: 4, a: 1, on: true}"));
  EXPECT_EQ(plan("{a: 1}").kind, Plan::Kind::documents);
}

TEST_F(DocstoreStorage, ParallelArraysAreRefused) {
  make_index("{key: {a: 1, b: 1}, name: 'i'}");
  insert_all({"{_id: 1, a: [1, 2], b: 3}"});
  const auto fault = insert("{_id: 2, a: [1], b: [2]}");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, WriteFault::Kind::parallel_arrays);
  EXPECT_EQ(fault->message, "cannot index parallel arrays [b] [a]");
}

TEST_F(DocstoreStorage, RangesEqualityAndListsUseAnIndex) {
  for (int i = 0; i < 20; ++i)
    insert("{_id: " + std::to_string(i) + ", n: " + std::to_string(i % 10) + "}");
  const Index* const index = make_index("{key: {n: 1}, name: 'i'}");
  const auto found = [&](const std::string& filter) {
    Plan chosen = plan(filter);
    EXPECT_EQ(chosen.index, index->id()) << filter;
    Ids ids = read(std::move(chosen), 3);
    std::ranges::sort(ids);
    return ids;
  };
  EXPECT_EQ(found("{n: 3}"), (Ids{3, 13}));
  EXPECT_EQ(found("{n: {$in: [1, 8, 99]}}"), (Ids{1, 8, 11, 18}));
  EXPECT_EQ(found("{n: {$gt: 7}}"), (Ids{8, 9, 18, 19}));
  EXPECT_EQ(found("{n: {$gte: 2, $lt: 3}}"), (Ids{2, 12}));
  EXPECT_EQ(found("{$and: [{n: {$lte: 0}}, {x: 1}]}"), (Ids{0, 10}));
}

TEST_F(DocstoreStorage, DescendingPathsFindTheSame) {
  for (int i = 0; i < 20; ++i)
    insert("{_id: " + std::to_string(i) + ", n: " + std::to_string(i % 10) + "}");
  make_index("{key: {n: -1, _id: 1}, name: 'i'}");
  EXPECT_EQ(read(plan("{n: {$gte: 8}}"), 1), (Ids{9, 19, 8, 18}));
  EXPECT_EQ(read(plan("{n: 3, _id: {$gt: 5}}")), (Ids{13}));
  EXPECT_EQ(read(plan("{n: {$in: [2, 4]}}")), (Ids{4, 14, 2, 12}));
}

TEST_F(DocstoreStorage, AnIndexGivesTheOrderInBothDirections) {
  insert_all(
      {"{_id: 1, a: 2, b: 1}", "{_id: 2, a: 1, b: 2}", "{_id: 3, b: 0}", "{_id: 4, a: 1, b: 1}"});
  make_index("{key: {a: 1, b: 1}, name: 'i'}");
  const Plan up = plan("{}", "{a: 1, b: 1}"), down = plan("{}", "{a: -1, b: -1}");
  EXPECT_TRUE(up.is_sorted && down.is_sorted);
  EXPECT_EQ(read(up, 1), (Ids{3, 4, 2, 1}));
  EXPECT_EQ(read(down, 1), (Ids{1, 2, 4, 3}));
  const Plan behind_equal = plan("{a: 1}", "{b: -1}");
  EXPECT_TRUE(behind_equal.is_sorted);
  EXPECT_EQ(read(behind_equal), (Ids{2, 4}));
  EXPECT_FALSE(plan("{}", "{a: 1, b: -1}").is_sorted);
  EXPECT_TRUE(plan("{}", "{_id: -1}").is_sorted);
  EXPECT_EQ(read(plan("{}", "{_id: -1}"), 1), (Ids{4, 3, 2, 1}));
}

TEST_F(DocstoreStorage, ADocumentOfManyKeysComesOnce) {
  insert_all({"{_id: 1, t: [1, 2, 3]}", "{_id: 2, t: [2, 3]}", "{_id: 3, t: []}"});
  make_index("{key: {t: 1}, name: 'i'}");
  EXPECT_EQ(read(plan("{t: {$gte: 1}}"), 1), (Ids{1, 2}));
  EXPECT_FALSE(plan("{}", "{t: 1}").is_sorted) << "the least element counts, not the first one met";
  // One element over 2, another one under 2: the two ends do not make one range.
  insert_all({"{_id: 4, t: [0, 9]}"});
  const Ids ids = read(plan("{t: {$gt: 4, $lt: 5}}"));
  EXPECT_NE(std::ranges::find(ids, 4), ids.end());
}

TEST_F(DocstoreStorage, ById) {
  insert_all({"{_id: 1}", "{_id: 2}", "{_id: 'x'}", "{_id: {a: 1}}"});
  EXPECT_EQ(plan("{_id: 2}").kind, Plan::Kind::id);
  EXPECT_EQ(read(plan("{_id: {$gte: 1, $lte: 2}}"), 1), (Ids{1, 2}));
  EXPECT_EQ(read(plan("{_id: {$in: [2, 1, 7]}}"), 1), (Ids{1, 2}));
  EXPECT_EQ(plan("{_id: {a: 1}}").kind, Plan::Kind::id);
}

TEST_F(DocstoreStorage, TheCatalogueComesBackAsItWas) {
  make_index("{key: {a: 1}, unique: true, name: 'mine'}");
  insert_all({"{_id: 1, a: [1, 2]}"});
  ASSERT_EQ(catalogue_.reload(), "");
  collection_ = catalogue_.find("db", "c");
  ASSERT_NE(collection_, nullptr);
  const Index* const index = collection_->index("mine");
  ASSERT_NE(index, nullptr);
  EXPECT_TRUE(index->spec().unique && index->has_many());
  EXPECT_EQ(index->spec().document, bson("{v: 2, key: {a: 1}, name: 'mine', unique: true}"));
  EXPECT_TRUE(insert("{_id: 2, a: 2}"));
  insert_all({"{_id: 3, a: 3}"});
  EXPECT_EQ(read(plan("{}")), (Ids{1, 3}));
}

TEST_F(DocstoreStorage, ADroppedCollectionLeavesNoTables) {
  make_index("{key: {a: 1}, name: 'i'}");
  insert_all({"{_id: 1, a: 1}"});
  ASSERT_TRUE(catalogue_.drop(collection_)) << connection_.failure();
  Statement tables(connection_, "SELECT count(*) FROM sqlite_schema WHERE name GLOB '[ci][0-9]*'");
  ASSERT_TRUE(tables.step());
  EXPECT_EQ(tables.number(0), 0);
  EXPECT_EQ(catalogue_.find("db", "c"), nullptr);
}

TEST(DocstoreIndexSpec, WhatIsWrongIsNamed) {
  const auto fault = [](const char* text) {
    CommandError error;
    return parse_index(bson(text), &error) ? std::string("none") : error.name();
  };
  EXPECT_EQ(fault("{key: {a: 1}, name: 'i'}"), "none");
  EXPECT_EQ(fault("{key: {a: 1}}"), "FailedToParse");
  EXPECT_EQ(fault("{key: {a: 1}, name: ''}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 1}, name: '*'}"), "BadValue");
  EXPECT_EQ(fault("{key: {a: 1}, name: 5}"), "TypeMismatch");
  EXPECT_EQ(fault("{key: {'a.b': -1, c: 1.0}, name: 'x', unique: true, sparse: true, background: "
                  "true, v: 2}"),
            "none");
  EXPECT_EQ(fault("{key: {}, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 0}, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 'strange'}, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 'text'}, name: 'i'}"), "NotImplemented");
  EXPECT_EQ(fault("{key: {a: true}, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {'a..b': 1}, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 1}, wings: 2, name: 'i'}"), "InvalidIndexSpecificationOption");
  EXPECT_EQ(fault("{key: {a: 1, b: 1}, expireAfterSeconds: 5, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 1}, expireAfterSeconds: -5, name: 'i'}"), "CannotCreateIndex");
  EXPECT_EQ(fault("{key: {a: 1}, collation: {locale: 'de'}, name: 'i'}"), "NotImplemented");
}

}  // namespace
}  // namespace runtime::docstore
