#include "base/utf8.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

TEST(Utf8, TakesTheFirstAndLastOfEachLength) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("\0\x7f", 2), std::string_view("\xc2\x80\xdf\xbf"),
        std::string_view("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
        std::string_view("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
        std::string_view(
            "plain text of more than eight bytes, then \xe4\xbd\xa0\xe5\xa5\xbd and more")}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, RefusesTheRest) {
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe1\x80",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "12345678\xff", "1234567\xe4\xbd"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

}  // namespace
}  // namespace runtime
