#include <gtest/gtest.h>

#include "services/wsgate/options.h"

namespace runtime::wsgate {
namespace {

// Parses options that must be right.
Options good(std::string_view text) {
  Options options;
  EXPECT_EQ(parse_options(text, &options), "") << text;
  return options;
}

std::string error_of(std::string_view text) {
  Options options;
  return parse_options(text, &options);
}

TEST(WsgateOptions, FirstFiveWordsAreThoseOfGate) {
  const Options options = good("ws .watchdog 127.0.0.1:8080 7 1000");
  EXPECT_FALSE(options.is_secure);
  EXPECT_EQ(options.watchdog, ".watchdog");
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.port, 8080);
  EXPECT_EQ(options.tag, 7);
  EXPECT_EQ(options.max_connections, 1000);
}

TEST(WsgateOptions, AnAddressMayBeAPortOrHaveBrackets) {
  EXPECT_EQ(good("ws ! 8080 0 1").host, "");
  EXPECT_EQ(good("ws ! 8080 0 1").port, 8080);
  EXPECT_EQ(good("ws ! 0 0 1").port, 0);
  EXPECT_EQ(good("ws ! [::1]:80 0 1").host, "::1");
  for (const char* address : {"x", ":", "::1:80", "a:b", "1:65536", "1:-1", "1: 80"}) {
    EXPECT_EQ(error_of(std::string("ws ! ") + address + " 0 1").rfind("Invalid wsgate address", 0),
              0u)
        << address;
  }
}

TEST(WsgateOptions, TheRestAreKeysAndValues) {
  const Options options = good(
      "wss ! 1 0 1  deflate=1 text=1 realip=1 maxframe=10 sendlimit=20 policy=drop ping=0 "
      "timeout=5 "
      "origin=https://a,https://b path=/x protocol=p,q threads=4 cert=c.pem key=k.pem");
  EXPECT_TRUE(options.is_secure && options.deflate && options.sends_text && options.trusts_proxy);
  EXPECT_EQ(options.max_message, 10u);
  EXPECT_EQ(options.max_unsent, 20u);
  EXPECT_EQ(options.overflow, Overflow::drop);
  EXPECT_EQ(options.ping.count(), 0);
  EXPECT_EQ(options.timeout.count(), 5);
  EXPECT_EQ(options.origins, (std::vector<std::string>{"https://a", "https://b"}));
  EXPECT_EQ(options.path, "/x");
  EXPECT_EQ(options.protocols, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(options.threads, 4);
  EXPECT_EQ(options.certificate, "c.pem");
  EXPECT_EQ(options.private_key, "k.pem");
}

TEST(WsgateOptions, ErrorsNameWhatIsWrong) {
  EXPECT_EQ(error_of("ws ! 1 0"), "Invalid wsgate parm ws ! 1 0");
  EXPECT_EQ(error_of("http ! 1 0 1"), "Invalid wsgate style, need ws or wss : http");
  EXPECT_EQ(error_of("ws ! 1 256 1"), "Invalid wsgate tag 256");
  EXPECT_EQ(error_of("ws ! 1 0 0"), "Need max connection");
  EXPECT_EQ(error_of("ws ! 1 0 1 what=1"), "Unknown wsgate option what");
  for (const char* option :
       {"deflate=2", "deflate", "maxframe=0", "maxframe=x", "maxframe=1073741825", "policy=wait",
        "ping=-1", "ping=40000", "timeout=0", "origin=", "origin=a,,b", "path=", "threads=0",
        "cert="}) {
    EXPECT_EQ(error_of(std::string("ws ! 1 0 1 ") + option),
              std::string("Invalid value of a wsgate option : ") + option);
  }
}

}  // namespace
}  // namespace runtime::wsgate
