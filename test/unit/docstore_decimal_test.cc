#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "docstore/document/decimal_arithmetic.h"

namespace runtime::document {
namespace {

Decimal decimal(std::string_view text) {
  const std::optional<Decimal> parsed = parse_decimal(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Decimal{});
}
// Through the bytes of BSON as well.
std::string shown(const Decimal& number) {
  return decimal_text(decimal_of(decimal_value(number).view()));
}

// The results are those of Python's decimal module with the context of IEEE 754's decimal128.
TEST(DocstoreDecimal, AddsExactlyWhatHas34Digits) {
  const auto sum = [](std::string_view a, std::string_view b) {
    EXPECT_EQ(shown(add(decimal(a), decimal(b))), shown(add(decimal(b), decimal(a))));
    return shown(add(decimal(a), decimal(b)));
  };
  EXPECT_EQ(sum("1.50", "1.50"), "3.00");
  EXPECT_EQ(sum("1.5", "-1.5"), "0.0");
  EXPECT_EQ(sum("-0", "-0"), "-0");
  EXPECT_EQ(sum("0", "-0"), "0");
  EXPECT_EQ(sum("0.1", "0.2"), "0.3");
  EXPECT_EQ(sum("1E+40", "1"), "1.000000000000000000000000000000000E+40");
  EXPECT_EQ(sum("1E+3000", "-1E-3000"), "1.000000000000000000000000000000000E+3000");
  EXPECT_EQ(sum("1.000000000000000000000000000000000E+3000", "-6E+2966"),
            "9.999999999999999999999999999999994E+2999");
  EXPECT_EQ(sum("9999999999999999999999999999999999", "1"),
            "1.000000000000000000000000000000000E+34");
  EXPECT_EQ(sum("1000000000000000000000000000000000", "0.5"), "1000000000000000000000000000000000")
      << "to the even one";
  EXPECT_EQ(sum("1000000000000000000000000000000001", "0.5"), "1000000000000000000000000000000002");
  EXPECT_EQ(sum("0E+5", "7E+2"), "7E+2");
  EXPECT_EQ(sum("Infinity", "-1"), "Infinity");
  EXPECT_EQ(sum("Infinity", "-Infinity"), "NaN");
  EXPECT_EQ(sum("NaN", "1"), "NaN");
  EXPECT_EQ(sum("9.999999999999999999999999999999999E+6144", "1E+6144"), "Infinity");
}

TEST(DocstoreDecimal, MultipliesAndRoundsToTheNearest) {
  const auto product = [](std::string_view a, std::string_view b) {
    EXPECT_EQ(shown(multiply(decimal(a), decimal(b))), shown(multiply(decimal(b), decimal(a))));
    return shown(multiply(decimal(a), decimal(b)));
  };
  EXPECT_EQ(product("2.50", "-2"), "-5.00");
  EXPECT_EQ(product("0", "-5"), "-0");
  EXPECT_EQ(product("9999999999999999999999999999999999", "9999999999999999999999999999999999"),
            "9.999999999999999999999999999999998E+67");
  EXPECT_EQ(product("1.234567890123456789012345678901234", "9.876543210987654321098765432109876"),
            "12.19326311370217952261850327338667");
  EXPECT_EQ(product("1E-6000", "1E-6000"), "0E-6176");
  EXPECT_EQ(product("1E+6000", "1E+6000"), "Infinity");
  EXPECT_EQ(product("1E+6111", "10"), "1.0E+6112");
  EXPECT_EQ(product("Infinity", "0"), "NaN");
}

TEST(DocstoreDecimal, DividesToAllDigits) {
  const auto quotient = [](std::string_view a, std::string_view b) {
    return shown(divide(decimal(a), decimal(b)));
  };
  EXPECT_EQ(quotient("1", "3"), "0.3333333333333333333333333333333333");
  EXPECT_EQ(quotient("2", "3"), "0.6666666666666666666666666666666667");
  EXPECT_EQ(quotient("1", "8"), "0.125");
  EXPECT_EQ(quotient("100", "4"), "25");
  EXPECT_EQ(quotient("1000", "10"), "100");
  EXPECT_EQ(quotient("2.40", "2"), "1.20");
  EXPECT_EQ(quotient("-7", "Infinity"), "-0E-6176");
  EXPECT_EQ(quotient("0", "0"), "NaN");
  EXPECT_EQ(quotient("1", "-0"), "-Infinity");
}

TEST(DocstoreDecimal, ADoubleHas15DigitsThatCount) {
  EXPECT_EQ(shown(to_decimal(OwnedValue::real(2.5).view())), "2.50000000000000");
  EXPECT_EQ(shown(to_decimal(OwnedValue::real(-1e300).view())), "-1.00000000000000E+300");
  EXPECT_EQ(shown(to_decimal(OwnedValue::real(0).view())), "0");
  EXPECT_EQ(shown(to_decimal(OwnedValue::int64(INT64_MIN).view())), "-9223372036854775808");
  EXPECT_EQ(shown(to_decimal(OwnedValue::real(-INFINITY).view())), "-Infinity");
}

TEST(DocstoreDecimal, TextThatIsNoNumberIsRefused) {
  for (const char* text : {"", "-", ".", "1.2.3", "1e", "e5", "1x", "0x10", " 1", "1E+-5"})
    EXPECT_FALSE(parse_decimal(text)) << text;
  EXPECT_EQ(shown(decimal("-.5e3")), "-5E+2");
  EXPECT_EQ(shown(decimal("00012.50")), "12.50");
}

}  // namespace
}  // namespace runtime::document
