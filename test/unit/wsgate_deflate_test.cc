#include <gtest/gtest.h>

#include <random>
#include <string>

#include "services/wsgate/deflate.h"

namespace runtime::wsgate {
namespace {

std::string deflated(Deflate& deflate, std::string_view message) {
  std::vector<unsigned char> out;
  deflate.deflate(message, &out);
  return {out.begin(), out.end()};
}

// What a message inflates to, or the word for why not.
std::string inflated(Deflate& deflate, std::string_view message, std::size_t max = 1 << 20) {
  Block bytes;
  std::size_t size = 0;
  switch (deflate.inflate(message, max, &bytes, &size)) {
    case Deflate::Result::ok: EXPECT_EQ(bytes.get()[size], '\0'); return {bytes.get(), size};
    case Deflate::Result::too_large: return "too large";
    case Deflate::Result::malformed: return "malformed";
  }
  return "";
}

std::string random_bytes(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// RFC 7692, 7.2.3.
TEST(WsgateDeflate, ReadsTheRfcsExamples) {
  Deflate deflate;
  EXPECT_EQ(inflated(deflate, std::string_view("\xf2\x48\xcd\xc9\xc9\x07\x00", 7)), "Hello");
  EXPECT_EQ(inflated(deflate, std::string_view("\xf2\x00\x11\x00\x00", 5)), "Hello")
      << "from the window";
  EXPECT_EQ(inflated(deflate, std::string_view("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11)),
            "Hello")
      << "a block without compression";
  EXPECT_EQ(inflated(deflate, std::string_view("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)), "Hello")
      << "a block marked as the last";
  EXPECT_EQ(inflated(deflate,
                     std::string_view("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)),
            "Hello")
      << "two blocks";
  EXPECT_EQ(inflated(deflate, std::string_view("\0", 1)), "");
}

TEST(WsgateDeflate, ComesBackForEverySize) {
  Deflate sender, receiver;
  for (std::size_t size : {0u, 1u, 5u, 63u, 64u, 1023u, 1024u, 1025u, 4096u, 65536u, 300000u}) {
    for (const std::string& message : {std::string(size, 'a'), random_bytes(size)}) {
      EXPECT_EQ(inflated(receiver, deflated(sender, message)), message) << size;
    }
  }
}

TEST(WsgateDeflate, RemembersUnlessToldNotTo) {
  const std::string message = random_bytes(500);
  Deflate remembers, forgets;
  forgets.forget_sent();
  for (Deflate* deflate : {&remembers, &forgets}) deflated(*deflate, message);
  EXPECT_LT(deflated(remembers, message).size(), 50u);
  const std::string alone = deflated(forgets, message);
  EXPECT_GT(alone.size(), 400u);
  Deflate receiver;
  receiver.forget_received();
  EXPECT_EQ(inflated(receiver, alone), message);
  EXPECT_EQ(inflated(receiver, alone), message);
}

TEST(WsgateDeflate, StopsAtTheLimit) {
  for (std::size_t max : {0u, 1u, 10u, 63u, 64u, 1000u, 100000u}) {
    Deflate sender, receiver;
    EXPECT_EQ(inflated(receiver, deflated(sender, std::string(max, 'x')), max),
              std::string(max, 'x'));
    EXPECT_EQ(inflated(receiver, deflated(sender, std::string(max + 1, 'x')), max), "too large")
        << max;
  }
  Deflate sender, receiver;
  EXPECT_EQ(inflated(receiver, deflated(sender, std::string(50 << 20, 'x')), 1000), "too large");
}

TEST(WsgateDeflate, RefusesWhatIsNoDeflate) {
  for (const std::string_view bytes : {std::string_view("\xff\xff\xff"), std::string_view("\x07"),
                                       std::string_view("\x00\x05\x00\x00\x00", 5)}) {
    Deflate deflate;
    EXPECT_EQ(inflated(deflate, bytes), "malformed");
  }
}

}  // namespace
}  // namespace runtime::wsgate
