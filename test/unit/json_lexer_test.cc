#include "cjson/json_lexer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace runtime::json {
namespace {

// The first token of `text` as its name and value.
std::string token_of(std::string_view text, bool invalid_numbers = true) {
  Lexer lexer(text, invalid_numbers);
  switch (lexer.next()) {
    case Token::integer: return "integer " + std::to_string(lexer.integer());
    case Token::number: return "number " + std::to_string(lexer.number());
    case Token::string: {
      std::string bytes(lexer.string().size(), '\0');
      bytes.resize(unescape(lexer.string(), bytes.data()));
      return "string " + bytes;
    }
    case Token::invalid:
      return std::string(lexer.name()) + " at " + std::to_string(lexer.position());
    default: return lexer.name();
  }
}

TEST(JsonLexer, WholeNumbersAreIntegersUpToSixtyFourBits) {
  EXPECT_EQ(token_of("0"), "integer 0");
  EXPECT_EQ(token_of("9223372036854775807"), "integer 9223372036854775807");
  EXPECT_EQ(token_of("-9223372036854775808"), "integer -9223372036854775808");
  EXPECT_EQ(token_of("9223372036854775808"), "number 9223372036854775808.000000");
  EXPECT_EQ(token_of("-9223372036854775809"), "number -9223372036854775808.000000");
  EXPECT_EQ(token_of("18446744073709551616000"), "number 18446744073709551616000.000000");
  EXPECT_EQ(token_of("1.0"), "number 1.000000");
  EXPECT_EQ(token_of("1e0"), "number 1.000000");
}

TEST(JsonLexer, MinusZeroKeepsItsSign) {
  Lexer lexer("-0", true);
  EXPECT_EQ(lexer.next(), Token::number);
  EXPECT_TRUE(std::signbit(lexer.number()));
}

TEST(JsonLexer, NumbersOutOfRangeAreZeroOrInfinity) {
  for (const char* tiny : {"1e-400", "0.0001e-5000", "-0.1e-99999999999999999999"}) {
    Lexer lexer(tiny, true);
    EXPECT_EQ(lexer.next(), Token::number) << tiny;
    EXPECT_EQ(lexer.number(), 0) << tiny;
  }
  for (const char* huge : {"1e400", "0.0001e5000", "1e99999999999999999999"}) {
    Lexer lexer(huge, true);
    EXPECT_EQ(lexer.next(), Token::number) << huge;
    EXPECT_EQ(lexer.number(), std::numeric_limits<double>::infinity()) << huge;
  }
  const std::string long_text = "1" + std::string(500, '0') + ".5";
  Lexer digits(long_text, true);
  EXPECT_EQ(digits.next(), Token::number);
  EXPECT_TRUE(std::isinf(digits.number()));
}

TEST(JsonLexer, NumbersThatJsonDoesNotKnowAreAnOption) {
  EXPECT_EQ(token_of("0x1F"), "number 31.000000");
  EXPECT_EQ(token_of("-0x.8p1"), "number -1.000000");
  EXPECT_EQ(token_of("+7"), "number 7.000000");
  EXPECT_EQ(token_of("inf"), "number inf");
  EXPECT_EQ(token_of("-Infinity"), "number -inf");
  EXPECT_EQ(token_of("012"), "integer 12");
  EXPECT_EQ(token_of("0x1F", false), "invalid number at 0");
  EXPECT_EQ(token_of("+7", false), "invalid token at 0");
  EXPECT_EQ(token_of("inf", false), "invalid token at 0");
  EXPECT_EQ(token_of("-inf", false), "invalid number at 0");
  EXPECT_EQ(token_of("012", false), "invalid number at 0");
  EXPECT_EQ(token_of("-", false), "invalid number at 0");
  EXPECT_EQ(token_of("n", true), "invalid token at 0");
}

TEST(JsonLexer, EscapesBecomeBytes) {
  EXPECT_EQ(token_of(R"("\"\\\/\b\f\n\r\t")"), "string \"\\/\b\f\n\r\t");
  EXPECT_EQ(token_of(R"("\u00e9\u4F60\ud83d\uDE00")"),
            "string \xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80");
  EXPECT_EQ(token_of(R"("a\u0000b")"), std::string("string a\0b", 10));
}

TEST(JsonLexer, BadStringsSayWhereAndWhy) {
  EXPECT_EQ(token_of("\"abc"), "unexpected end of string at 4");
  EXPECT_EQ(token_of(std::string_view("\"a\0b\"", 5)), "unexpected end of string at 2");
  EXPECT_EQ(token_of(R"("ab\x")"), "invalid escape code at 3");
  EXPECT_EQ(token_of("\"ab\\"), "invalid escape code at 3");
  for (const char* bad : {R"("\u12")", R"("\u12g4")", R"("\ud800")", R"("\ud800\n")",
                          R"("\ud800\u0041")", R"("\udc00")", "\"\\ud800\\u", "\"\\u"}) {
    EXPECT_EQ(token_of(bad), "invalid unicode escape code at 1") << bad;
  }
}

TEST(JsonLexer, AStringEndsWhereItEndsWhateverTheLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text = "\"" + std::string(size, 'x') + "\",";
    Lexer lexer(text, true);
    EXPECT_EQ(lexer.next(), Token::string);
    EXPECT_EQ(lexer.string().size(), size);
    EXPECT_EQ(lexer.next(), Token::comma);
    EXPECT_EQ(lexer.next(), Token::end);
  }
}

TEST(JsonLexer, ANulBetweenTokensIsNoEnd) {
  Lexer lexer(std::string_view("1 \0 2", 5), true);
  EXPECT_EQ(lexer.next(), Token::integer);
  EXPECT_EQ(lexer.next(), Token::invalid);
  EXPECT_EQ(lexer.position(), 2U);
}

}  // namespace
}  // namespace runtime::json
