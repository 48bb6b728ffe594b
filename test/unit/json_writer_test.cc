#include "cjson/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace runtime::json {
namespace {

std::string string_text(std::string_view text, bool escape_slash = true) {
  Writer writer;
  writer.string(text, escape_slash);
  return std::string(writer.text());
}

std::string number_text(double value, int precision = 14) {
  Writer writer;
  writer.number(value, precision);
  return std::string(writer.text());
}

TEST(JsonWriter, ControlCharactersQuotesAndSlashesAreEscaped) {
  EXPECT_EQ(string_text(""), "\"\"");
  EXPECT_EQ(string_text(std::string_view("\0\b\t\n\f\r\x1f\x7f\"\\/", 11)),
            R"("\u0000\b\t\n\f\r\u001f\u007f\"\\\/")");
  EXPECT_EQ(string_text("</script>", false), R"("</script>")");
  EXPECT_EQ(string_text("\xe4\xbd\xa0\x80\xff"), "\"\xe4\xbd\xa0\x80\xff\"");
}

TEST(JsonWriter, AnEscapeMayStandAnywhereInABlock) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\x01';
      std::string want = "\"" + text + "\"";
      want.replace(at + 1, 1, "\\u0001");
      ASSERT_EQ(string_text(text), want);
    }
  }
}

TEST(JsonWriter, NothingButEscapesStillFits) {
  const std::string text(10000, '\x02');
  EXPECT_EQ(string_text(text).size(), 2 + 6 * text.size());
}

TEST(JsonWriter, NumbersLookAsPrintfWritesThem) {
  for (const double value : {0.1, -1.0 / 3, 1e14, 1e15, 123456789012345.0, 5e-324,
                             1.7976931348623157e308, -0.0, 99999999999999.5, 1e-5, 0.0001}) {
    for (const int precision : {1, 3, 14, 17}) {
      char want[64];
      std::snprintf(want, sizeof(want), "%.*g", precision, value);
      EXPECT_EQ(number_text(value, precision), want);
    }
  }
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(number_text(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(number_text(-std::numeric_limits<double>::quiet_NaN()), "nan");
}

TEST(JsonWriter, IntegersHaveAllDigits) {
  Writer writer;
  writer.integer(std::numeric_limits<std::int64_t>::min());
  writer.raw(' ');
  writer.integer(9007199254740993);
  EXPECT_EQ(writer.text(), "-9223372036854775808 9007199254740993");
}

}  // namespace
}  // namespace runtime::json
