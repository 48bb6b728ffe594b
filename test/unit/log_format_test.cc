#include "services/log_format.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace runtime {
namespace {

constexpr timespec kNow = {1795599667, 30'000'000};  // 25 November 2026, 09:41:07.030 UTC

class LogFormatTest : public testing::Test {
 protected:
  LogFormatTest() { zone("UTC"); }
  ~LogFormatTest() override {
    unsetenv("TZ");
    tzset();
  }
  static void zone(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
};

TEST_F(LogFormatTest, AJsonLineHasTimeSourceAndText) {
  EXPECT_EQ(json_line(0x0100000a, "hello", kNow),
            R"({"time":"2026-11-25T09:41:07.030+00:00","source":":0100000a","text":"hello"})");
}

TEST_F(LogFormatTest, ItsTimeIsLocalWithTheOffset) {
  zone("XYZ-8");
  EXPECT_EQ(json_line(1, "a", kNow),
            R"({"time":"2026-11-25T17:41:07.030+08:00","source":":00000001","text":"a"})");
  zone("XYZ3:30");
  EXPECT_EQ(json_line(1, "a", kNow),
            R"({"time":"2026-11-25T06:11:07.030-03:30","source":":00000001","text":"a"})");
}

TEST_F(LogFormatTest, TheLevelOfTheModuleLogIsAFieldOfItsOwn) {
  EXPECT_NE(json_line(1, "[WARN] low", kNow).find(R"("level":"warn","text":"[WARN] low")"),
            std::string::npos);
  EXPECT_NE(json_line(1, "[ERROR] x", kNow).find(R"("level":"error")"), std::string::npos);
  EXPECT_EQ(json_line(1, "[OTHER] x", kNow).find("level"), std::string::npos);
}

TEST_F(LogFormatTest, AnyBytesMakeValidJson) {
  const auto text = [](std::string_view bytes) {
    const std::string line = json_line(1, bytes, kNow);
    const std::size_t begin = line.find(R"("text":)") + 7;
    return line.substr(begin, line.size() - begin - 1);
  };
  EXPECT_EQ(text("a\"b\\c\n\r\t\x01\x7f"), R"("a\"b\\c\n\r\t\u0001\u007f")");
  EXPECT_EQ(text(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(text("\xE4\xB8\xAD\xFF\xE4\xB8"),
            "\"\xE4\xB8\xAD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(text(""), "\"\"");
}

TEST_F(LogFormatTest, ColoursAreTakenOutAndNothingElse) {
  EXPECT_EQ(without_colours("a \x1b[31mred\x1b[0m b"), "a red b");
  EXPECT_EQ(without_colours("\x1b[1;33mx\x1b[m"), "x");
  EXPECT_EQ(without_colours("\x1b[2Jx \x1b[3"), "\x1b[2Jx \x1b[3");
  EXPECT_EQ(without_colours("plain"), "plain");
}

}  // namespace
}  // namespace runtime
