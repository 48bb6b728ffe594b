#include "net/address.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

std::string encoded(const Address& address) {
  char binary[Address::kMaxEncoded];
  return {binary, address.encode(binary)};
}

TEST(Address, ReadsNumericHostsOnly) {
  EXPECT_EQ(Address::parse("127.0.0.1", 80)->text(), "127.0.0.1:80");
  EXPECT_EQ(Address::parse("::1", 80)->text(), "::1:80");
  EXPECT_FALSE(Address::parse("localhost", 80));
  EXPECT_FALSE(Address::parse("[::1]", 80));
  EXPECT_FALSE(Address::parse("127.0.0.1.", 80));
  EXPECT_FALSE(Address::parse("", 80));
  EXPECT_FALSE(Address::parse("::1%no such zone", 80));
}

TEST(Address, TheBinaryFormIsFamilyPortAddress) {
  using namespace std::string_literals;
  EXPECT_EQ(encoded(*Address::parse("127.0.0.1", 8765)), "\x01\x22\x3d\x7f\x00\x00\x01"s);
  EXPECT_EQ(encoded(*Address::parse("::1", 80)), "\x02\x00\x50"s + std::string(15, '\0') + "\x01");
}

TEST(Address, TheBinaryFormIsReadBack) {
  for (const char* host : {"10.1.2.3", "fe80::1"}) {
    const auto back = Address::decode(encoded(*Address::parse(host, 65535)));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->host_text(), host);
    EXPECT_EQ(back->port(), 65535);
  }
}

TEST(Address, BadBinaryFormsGiveNothing) {
  for (const std::string bad : {"", "\x01", "\x01\x22\x3d\x7f", "\x01\x22\x3d\x7f\x01\x01\x01\x01",
                                "\x02\x22\x3d\x7f", "\x09zzzzzzzzzzzzzzzzzz"}) {
    EXPECT_FALSE(Address::decode(bad)) << bad.size();
  }
}

}  // namespace
}  // namespace runtime
