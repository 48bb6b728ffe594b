#include "tencentyun/user_sig.h"

#include <gtest/gtest.h>

#include "independent_check.h"

namespace runtime::tencentyun {
namespace {

constexpr std::string_view kKey =
    "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

Request request(std::string_view identifier, std::string_view key) {
  Request request;
  request.app_id = 1400000000;
  request.identifier = identifier;
  request.key = key;
  request.valid_seconds = 15552000;
  request.issued_at = 1795330795;
  return request;
}

TEST(UserSig, IsByteForByteThatOfTheVendor) {
  Request r = request("xiaojun", kKey);
  EXPECT_EQ(make_user_sig(r),
            "eAGrVgrxCdYrSy1SslIy0jNQ0gHzi1OyEwsKMlOUrAxNDKAAIpOZkppXkpmWCdZQkZmYn1WaB9VUkpmbCtRgbm"
            "lqbGwAJCEaUisK"
            "MotA4qampkZAo6AWZKaDLEzT9stJyS11TfV08szP8St0j6rKSLYoDzcr8cozLM9wNDArisw00w6tyrZVqgUAgt"
            "AynA__");
  r.userbuf = "userbuf-data";
  EXPECT_EQ(make_user_sig(r),
            "eAGrVgrxCdYrSy1SslIy0jNQ0gHzi1OyEwsKMlOUrAxNDKAAIpOZkppXkpmWCdZQkZmYn1WaB9VUkpmbCtRgbm"
            "lqbGwAJCEaUisK"
            "MotA4qampkZAoyCipcWpRUmlaUBLUyL8cpJzvQyjMg2zIyOCMmAuyEwHSiY7l2VlmhWaZ*"
            "QHWJhElnlEBCR7GwVZmAYGZOXlWvq7"
            "Zjs6VrqbRhaXl7naKtUCAKzFPNQ_");
}

TEST(UserSig, ProgramsThatShareNoCodeWithUsAcceptIt) {
  Request r = request("a\"b\\c/d\n\t\x01 \xe4\xbd\xa0", "a key");
  EXPECT_EQ(independent_check({"tencent", make_user_sig(r), "1400000000", std::string(r.identifier),
                               "a key", "15552000"}),
            "ok");
  EXPECT_NE(independent_check({"tencent", make_user_sig(r), "1400000000", std::string(r.identifier),
                               "another key", "15552000"}),
            "ok");
  r.userbuf = "";
  r.valid_seconds = -5;
  EXPECT_EQ(independent_check({"tencent", make_user_sig(r), "1400000000", std::string(r.identifier),
                               "a key", "-5", ""}),
            "ok");
}

TEST(UserSig, EmptyAndLongInputsAreFine) {
  const std::string long_key(1000, 'k');
  const std::string identifier(100000, 'i');
  EXPECT_EQ(independent_check(
                {"tencent", make_user_sig(request("", "")), "1400000000", "", "", "15552000"}),
            "ok");
  EXPECT_EQ(independent_check({"tencent", make_user_sig(request(identifier, long_key)),
                               "1400000000", identifier, long_key, "15552000"}),
            "ok");
}

}  // namespace
}  // namespace runtime::tencentyun
