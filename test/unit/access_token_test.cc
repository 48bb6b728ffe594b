#include "agora/access_token.h"

#include <gtest/gtest.h>

#include <string>

#include "independent_check.h"

namespace runtime::agora {
namespace {

constexpr std::string_view kAppId = "970CA35de60c44645bbae8a215061b33";
constexpr std::string_view kCertificate = "5CFd2fd1755d40ecb72977518be15d3b";

Request request(std::string_view channel, std::string_view user) {
  Request request;
  request.app_id = kAppId;
  request.certificate = kCertificate;
  request.channel = channel;
  request.user = user;
  return request;
}

std::string token_of(const Request& request) {
  std::string token(kTokenBytes, '?');
  EXPECT_EQ(build_token(request, token.data()), nullptr);
  return token;
}

TEST(AccessToken, IsByteForByteThatOfTheVendor) {
  Request uid = request("7d72365eb983485397e3e3f9d460bdda", "2882341273");
  uid.expires_at = 1446455471;
  uid.salt = 0xb75d5a50;
  uid.issued_at = 0x6b03e46b - 86400;
  EXPECT_EQ(
      token_of(uid),
      "006970CA35de60c44645bbae8a215061b33IADXi3DSx8kB4Io5vbPTMzwnyOWC6zUkI3iy76WOPyBDCbdIfRBXoFHl"
      "IgBQWl23a+QDawQAAQCvKDdWAgCvKDdWAwCvKDdWBACvKDdW");

  Request account = request("chan", "alice");
  account.expires_at = 1446455471;
  account.salt = 0xc031a789;
  account.issued_at = 0x6b03e46b - 86400;
  EXPECT_EQ(
      token_of(account),
      "006970CA35de60c44645bbae8a215061b33IADT32pDil7KHmEw79/7S6cenw5VTcE/l1K1Hr8H32SOKdAL/5hHvI4n"
      "IgCJpzHAa+QDawQAAQCvKDdWAgCvKDdWAwCvKDdWBACvKDdW");
}

TEST(AccessToken, ProgramsThatShareNoCodeWithUsAcceptIt) {
  Request r = request("room 7", "alice@example.org");
  r.expires_at = 4294967295;
  r.salt = 12345;
  r.issued_at = 1700000000;
  EXPECT_EQ(independent_check({"agora", token_of(r), std::string(kAppId), std::string(kCertificate),
                               "room 7", "alice@example.org", "4294967295"}),
            "ok");
  EXPECT_NE(independent_check({"agora", token_of(r), std::string(kAppId), std::string(kCertificate),
                               "room 8", "alice@example.org", "4294967295"}),
            "ok");
}

TEST(AccessToken, IdsAreThirtyTwoHexDigits) {
  char token[kTokenBytes];
  Request r = request("c", "1");
  for (const std::string_view bad :
       {"", "970CA35de60c44645bbae8a215061b3", "970CA35de60c44645bbae8a215061b333",
        "970CA35de60c44645bbae8a215061b3g"}) {
    r.app_id = bad;
    r.certificate = kCertificate;
    EXPECT_STREQ(build_token(r, token), "invalid appID") << bad;
    r.app_id = kAppId;
    r.certificate = bad;
    EXPECT_STREQ(build_token(r, token), "invalid appCertificate") << bad;
  }
}

TEST(AccessToken, LongChannelsAndUsersDoNotChangeItsSize) {
  const std::string channel(100000, 'c');
  const std::string user(100000, '\xff');
  EXPECT_EQ(token_of(request(channel, user)).size(), kTokenBytes);
}

}  // namespace
}  // namespace runtime::agora
