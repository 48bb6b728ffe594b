#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mysql/cursor.h"
#include "mysql/login.h"
#include "mysql/packet_reader.h"
#include "mysql/packets.h"
#include "mysql/parameters.h"

namespace runtime::mysql {
namespace {

std::string framed(std::string_view payload, std::uint8_t number = 0) {
  std::string bytes(framed_bytes(payload.size()), '\0');
  write_framed({}, payload, number, bytes.data());
  return bytes;
}

TEST(MysqlPacket, IsWholeOnlyWithItsLastByte) {
  const std::string bytes = framed("payload", 3);
  PacketReader reader;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    reader.feed(bytes.substr(i, 1));
    ASSERT_EQ(reader.next(), Status::incomplete) << "after byte " << i;
    EXPECT_EQ(reader.held(), i + 1);
  }
  reader.feed(bytes.substr(bytes.size() - 1));
  ASSERT_EQ(reader.next(), Status::ready);
  EXPECT_EQ(reader.payload(), "payload");
  EXPECT_EQ(reader.number(), 3);
  EXPECT_EQ(reader.held(), 0u);
  EXPECT_EQ(reader.next(), Status::incomplete);
}

TEST(MysqlPacket, ManyOfOneSegmentComeOneByOne) {
  PacketReader reader;
  reader.feed(framed("one", 1) + framed("", 2) + framed("three", 3) + "\1");
  std::vector<std::string> payloads;
  while (reader.next() == Status::ready) payloads.emplace_back(reader.payload());
  EXPECT_EQ(payloads, (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(reader.held(), 1u);
}

// The sizes at which one more piece begins.
TEST(MysqlPacket, OfSixteenMegabytesOrMoreGoesInPiecesAndIsJoined) {
  for (const std::size_t size : {kMaxPiece - 1, kMaxPiece, kMaxPiece + 1, 2 * kMaxPiece}) {
    std::string payload(size, 'x');
    payload.back() = 'y';
    const std::string bytes = framed(payload, 255);
    EXPECT_EQ(bytes.size(), size + kHeadBytes * (size / kMaxPiece + 1));
    PacketReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += 1'000'000) {
      ASSERT_EQ(reader.next(), Status::incomplete);
      reader.feed(std::string_view(bytes).substr(at, 1'000'000));
    }
    reader.feed(framed("next"));
    ASSERT_EQ(reader.next(), Status::ready);
    EXPECT_TRUE(reader.payload() == payload) << size;
    EXPECT_EQ(reader.number(), static_cast<std::uint8_t>(255 + size / kMaxPiece));
    ASSERT_EQ(reader.next(), Status::ready);
    EXPECT_EQ(reader.payload(), "next");
  }
}

TEST(MysqlPacket, AboveTheLimitIsAnErrorForGood) {
  PacketReader reader(kMaxPiece + 9);
  reader.feed(framed(std::string(kMaxPiece + 9, 'x')));
  EXPECT_EQ(reader.next(), Status::ready);
  reader.feed(framed(std::string(kMaxPiece, 'x')).substr(0, kMaxPiece + kHeadBytes) +
              framed("0123456789").substr(0, 4));
  EXPECT_EQ(reader.next(), Status::error) << "before the bytes have come";
  reader.feed(framed("fine"));
  EXPECT_EQ(reader.next(), Status::error);
}

TEST(MysqlPacket, HeadAndBodyAreOnePayload) {
  std::string bytes(framed_bytes(5), '\0');
  write_framed("\3", "do 1", 0, bytes.data());
  EXPECT_EQ(bytes, std::string("\5\0\0\0\3do 1", 9));
}

TEST(MysqlCursor, LengthsTakeOneToNineBytes) {
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{250}, std::uint64_t{251}, std::uint64_t{65535},
        std::uint64_t{65536}, std::uint64_t{0xffffff}, std::uint64_t{0x1000000}, UINT64_MAX}) {
    char bytes[kMaxLengthBytes];
    const std::size_t size = write_length(length, bytes);
    Cursor cursor({bytes, size});
    EXPECT_EQ(cursor.length(), length);
    EXPECT_FALSE(cursor.failed());
    EXPECT_TRUE(cursor.at_end());
    Cursor shorter({bytes, size - 1});
    shorter.length();
    EXPECT_TRUE(shorter.failed()) << length;
  }
}

TEST(MysqlCursor, FailsForGoodAtAFieldThatIsNotWhole) {
  Cursor cursor("\5four");
  EXPECT_EQ(cursor.text(), "");
  EXPECT_TRUE(cursor.failed());
  EXPECT_EQ(cursor.number(1), 0u);
  Cursor huge(
      std::string_view("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                       "a",
                       10));
  EXPECT_EQ(huge.text(), "");
  EXPECT_TRUE(huge.failed());
}

std::string greeting(std::string_view plugin) {
  std::string bytes(
      "\n8.0.1\0\1\0\0\0"
      "12345678\0\xff\xff\x21\2\0\x08\0\x15",
      28);
  return bytes.append(10, '\0').append("abcdefghijkl").append(1, '\0').append(plugin);
}

TEST(MysqlGreeting, IsReadWithAndWithoutAZeroAtTheEnd) {
  for (const std::string_view plugin : {std::string_view("caching_sha2_password\0", 22),
                                        std::string_view("caching_sha2_password")}) {
    const std::string bytes = greeting(plugin);
    const std::optional<Greeting> found = parse_greeting(bytes);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->version, "8.0.1");
    EXPECT_EQ(std::string_view(found->scramble.data(), found->scramble.size()),
              "12345678abcdefghijkl");
    EXPECT_EQ(found->plugin, "caching_sha2_password");
    EXPECT_TRUE(found->capabilities & kTls);
  }
}

TEST(MysqlGreeting, IsNoneWhenItIsCutShortOrOfAnotherProtocol) {
  const std::string bytes = greeting("");
  for (std::size_t size = 0; size < bytes.size() - 1; ++size) {
    EXPECT_FALSE(parse_greeting(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(parse_greeting("\x09" + bytes.substr(1)));
}

TEST(MysqlLogin, HasItsFieldsInTheServersOrder) {
  Login login{kPluginAuth | 1, 0x01020304, 45, "me", "token", "base", "a_plugin"};
  std::string bytes(login_bytes(login), '\0');
  write_login(login, bytes.data());
  const std::string head = std::string("\1\0\x08\0\4\3\2\1\x2d", 9) + std::string(23, '\0');
  EXPECT_EQ(bytes, head + std::string("me\0\5tokenbase\0a_plugin\0", 23));
  login.capabilities = 1;
  EXPECT_EQ(login_bytes(login), bytes.size() - 9) << "the plugin is not told";
}

TEST(MysqlPackets, AnErrorHasAStateOnlyWhenTheServerSaysOne) {
  const std::string with("\xff\x7a\4#42S02gone", 13);
  EXPECT_EQ(parse_failure(with)->code, 1146);
  EXPECT_EQ(parse_failure(with)->state, "42S02");
  EXPECT_EQ(parse_failure(with)->text, "gone");
  EXPECT_EQ(parse_failure("\xff\x10\4old")->state, "");
  EXPECT_EQ(parse_failure("\xff\x10\4old")->text, "old");
  EXPECT_FALSE(parse_failure("\xff\x10"));
  EXPECT_FALSE(parse_failure("\xff\x10\4#42"));
}

TEST(MysqlPackets, ASwitchWithoutAPluginIsNone) {
  EXPECT_FALSE(parse_switch("\xfe"));
  EXPECT_FALSE(parse_switch("\xfeno_zero"));
  const std::optional<Switch> wanted = parse_switch(std::string_view("\xfename\0scramble\0", 15));
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->plugin, "name");
  EXPECT_EQ(wanted->scramble, "scramble");
}

TEST(MysqlPackets, TheMessageOfAnOkLosesTheLengthInFrontOfIt) {
  EXPECT_EQ(parse_ok(std::string_view("\0\1\0\2\0\0\0\4info", 12))->message, "info");
  EXPECT_EQ(parse_ok(std::string_view("\0\1\0\2\0\0\0info", 11))->message, "info");
  EXPECT_EQ(parse_ok(std::string_view("\0\1\0\2\0\0\0", 7))->message, "");
  EXPECT_FALSE(parse_ok(std::string_view("\0\1\0\2\0\0", 6)));
}

}  // namespace
}  // namespace runtime::mysql
