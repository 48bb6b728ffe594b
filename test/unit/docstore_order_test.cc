#include "docstore/document/key.h"
#include "docstore/document/number.h"
#include "docstore/document/order.h"
#include "docstore_random.h"
#include "docstore_text.h"

namespace runtime::document {
namespace {

int sign(int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

TEST(DocstoreOrder, PutsKindsInTheOrderOfMongoDb) {
  const std::string ordered[] = {"minkey",
                                 "null",
                                 "NaN",
                                 "-Infinity",
                                 "-1L",
                                 "-0.5",
                                 "0",
                                 "0.1",
                                 "dec(2, -1)",
                                 "9007199254740992.0",
                                 "9007199254740993",
                                 "Infinity",
                                 "''",
                                 "'a'",
                                 "'a\x01'",
                                 "'b'",
                                 "{}",
                                 "{a: 1}",
                                 "{a: 2}",
                                 "{b: 1}",
                                 "{a: 'x'}",
                                 "[]",
                                 "[1]",
                                 "[1, 1]",
                                 "[2]",
                                 "bin('')",
                                 "bin('b')",
                                 "bin('aa')",
                                 "oid('000000000000000000000001')",
                                 "false",
                                 "true",
                                 "date(-1)",
                                 "date(0)",
                                 "ts(0, 5)",
                                 "ts(1, 0)",
                                 "/a/",
                                 "/a/i",
                                 "/b/",
                                 "maxkey"};
  for (std::size_t i = 0; i < std::size(ordered); ++i) {
    for (std::size_t k = 0; k < std::size(ordered); ++k) {
      EXPECT_EQ(sign(compare(value(ordered[i]).view(), value(ordered[k]).view())), i < k   ? -1
                                                                                   : i > k ? 1
                                                                                           : 0)
          << ordered[i] << " and " << ordered[k];
    }
  }
}

TEST(DocstoreOrder, NumbersAreEqualWhateverTheirKinds) {
  EXPECT_TRUE(is_equal(value("1").view(), value("1L").view()));
  EXPECT_TRUE(is_equal(value("1").view(), value("1.0").view()));
  EXPECT_TRUE(is_equal(value("0").view(), value("-0.0").view()));
  EXPECT_TRUE(is_equal(value("10").view(), value("dec(1, 1)").view()));
  EXPECT_TRUE(is_equal(value("dec(100, -2)").view(), value("dec(1, 0)").view()));
  EXPECT_TRUE(is_equal(value("0.5").view(), value("dec(5, -1)").view()));
  EXPECT_GT(compare(value("0.1").view(), value("dec(1, -1)").view()), 0);
  EXPECT_LT(compare(value("0.3").view(), value("dec(3, -1)").view()), 0);
  EXPECT_LT(compare(value("1e300").view(), value("dec(1, 6000)").view()), 0);
  EXPECT_GT(compare(value("5e-324").view(), value("dec(1, -6000)").view()), 0);
}

// Digits times a power of ten beside a whole number over a power of two: both are brought to one denominator.
TEST(DocstoreOrder, ComparesDecimalsWithFractionsExactly) {
  RandomDocuments random(1);
  for (int i = 0; i < 20000; ++i) {
    const int digits = random.below(1 << 20), exponent = -random.below(8), power = random.below(30);
    // Near the decimal, so that the last bits decide.
    __int128 ten = 1;
    for (int k = exponent; k < 0; ++k) ten *= 10;
    const auto near = static_cast<std::int64_t>((static_cast<__int128>(digits) << power) / ten) +
                      random.below(3) - 1;
    const double fraction = std::ldexp(static_cast<double>(near), -power);
    const __int128 left = static_cast<__int128>(digits) << power,
                   right = static_cast<__int128>(near) * ten;
    const OwnedValue decimal =
        value("dec(" + std::to_string(digits) + ", " + std::to_string(exponent) + ")");
    ASSERT_EQ(sign(compare(decimal.view(), OwnedValue::real(fraction).view())), left < right   ? -1
                                                                                : left > right ? 1
                                                                                               : 0)
        << digits << "e" << exponent << " and " << near << "/2^" << power;
  }
}

TEST(DocstoreKey, KeysSortAsTheirValuesDo) {
  RandomDocuments random(2);
  std::vector<OwnedValue> values;
  std::vector<std::string> keys, inverted;
  for (int i = 0; i < 500; ++i) {
    values.push_back(random.value());
    keys.push_back(key_of(values.back().view()));
    inverted.push_back(keys.back());
    invert_key(&inverted.back(), 0);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const int order = sign(compare(values[i].view(), values[k].view()));
      ASSERT_EQ(order, -sign(compare(values[k].view(), values[i].view())));
      ASSERT_EQ(sign(keys[i].compare(keys[k])), order)
          << to_text(values[i].view()) << " and " << to_text(values[k].view());
      ASSERT_EQ(sign(inverted[i].compare(inverted[k])), -order);
      ASSERT_TRUE(order == 0 || (!keys[i].starts_with(keys[k]) && !keys[k].starts_with(keys[i])));
    }
  }
}

TEST(DocstoreKey, RangesHoldWhatComparesSo) {
  RandomDocuments random(3);
  for (int i = 0; i < 10000; ++i) {
    const OwnedValue bound = random.value(), each = random.value();
    const std::string key = key_of(each.view());
    const bool is_same_rank = rank(bound.type()) == rank(each.type());
    const int order = compare(each.view(), bound.view());
    const auto check = [&](const KeyRange& range, bool expected) {
      EXPECT_EQ(range.low <= key && key < range.high, expected);
      // What follows in a compound key makes no difference.
      const std::string longer = key + "\xff";
      EXPECT_EQ(range.low <= longer && longer < range.high, expected);
      const KeyRange inverted = range.inverted();
      std::string turned = key;
      invert_key(&turned, 0);
      turned += i % 2 == 0 ? std::string(1, '\0') : "\xff";
      EXPECT_EQ(inverted.low <= turned && turned < inverted.high, expected);
    };
    check(KeyRange::point(bound.view()), order == 0);
    check(KeyRange::rank_of(bound.type()), is_same_rank);
    check(KeyRange::below(bound.view(), KeyRange::Edge::excluded), is_same_rank && order < 0);
    check(KeyRange::below(bound.view(), KeyRange::Edge::included), is_same_rank && order <= 0);
    check(KeyRange::above(bound.view(), KeyRange::Edge::excluded), is_same_rank && order > 0);
    check(KeyRange::above(bound.view(), KeyRange::Edge::included), is_same_rank && order >= 0);
    if (HasFailure()) FAIL() << to_text(bound.view()) << " and " << to_text(each.view());
  }
}

TEST(DocstoreValue, RefusesWhatIsNoDocument) {
  CommandError error;
  EXPECT_TRUE(check_document(bson("{a: 1}"), 5, &error));
  EXPECT_FALSE(check_document(bson("{a: 1}") + "x", 5, &error));
  EXPECT_FALSE(check_document(std::string_view("\5\0\0\0", 4), 5, &error));
  EXPECT_EQ(error.name(), "InvalidBSON");
  EXPECT_FALSE(check_document(bson("{a: {b: {c: 1}}}"), 2, &error));
  EXPECT_EQ(error.name(), "Overflow");
}

TEST(DocstoreValue, TellsWhichIdsMayBeStored) {
  CommandError error;
  EXPECT_TRUE(check_storable(bson("{_id: {a: 1}, $x: 1, 'a.b': {$c: 1}}"), &error));
  EXPECT_FALSE(check_storable(bson("{_id: [1]}"), &error));
  EXPECT_EQ(error.name(), "BadValue");
  EXPECT_FALSE(check_storable(bson("{_id: /x/}"), &error));
  EXPECT_FALSE(check_storable(bson("{_id: {$x: 1}}"), &error));
  EXPECT_EQ(error.name(), "DollarPrefixedFieldName");
  EXPECT_FALSE(check_storable(bson("{a: '" + std::string(16 << 20, 'x') + "'}"), &error));
  EXPECT_EQ(error.name(), "BSONObjectTooLarge");
}

TEST(DocstoreValue, ShowsDecimalsAsTheStandardDoes) {
  EXPECT_EQ(to_text(value("dec(15, 9)").view()), "NumberDecimal('1.5E+10')");
  EXPECT_EQ(to_text(value("dec(-15, -1)").view()), "NumberDecimal('-1.5')");
  EXPECT_EQ(to_text(value("dec(15, -4)").view()), "NumberDecimal('0.0015')");
  EXPECT_EQ(to_text(value("dec(15, -10)").view()), "NumberDecimal('1.5E-9')");
}

}  // namespace
}  // namespace runtime::document
