#include <gtest/gtest.h>

#include <string>

#include "mongo/compression.h"

namespace runtime::mongo {
namespace {

constexpr std::size_t kMost = std::size_t{48} << 20;
constexpr Compressor kAll[] = {Compressor::noop, Compressor::snappy, Compressor::zlib,
                               Compressor::zstd};

std::string text_of(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "level " + std::to_string(text.size() % 97) + ", ";
  text.resize(size);
  return text;
}

std::string squeezed(Compressor compressor, const std::string& body) {
  std::string out(compressed_bound(compressor, body.size()), '\0');
  out.resize(deflate(compressor, body, -1, out.data()));
  return out;
}

// What follows the length of a compressed message.
std::string message(std::string_view bytes, std::size_t size, int compressor,
                    std::int32_t opcode = 2013) {
  char head[4 + kCompressedHeadBytes];
  Compressed what;
  what.opcode = opcode;
  what.compressor = static_cast<Compressor>(compressor);
  what.size = size;
  what.bytes = bytes;
  write_compressed_head(head, 1, 7, what);
  return std::string(head + 4, sizeof head - 4) + std::string(bytes);
}

CompressionRefusal refusal_of(const std::string& rest, std::size_t most = kMost) {
  const Compressed found = parse_compressed(rest, most);
  if (found.refusal != CompressionRefusal::none) return found.refusal;
  std::string out(found.size, '\0');
  return inflate(found, out.data());
}

TEST(MongoCompression, KnowsTheNamesThatAHelloHas) {
  EXPECT_EQ(compressor_named("snappy"), Compressor::snappy);
  EXPECT_EQ(compressor_named("zlib"), Compressor::zlib);
  EXPECT_EQ(compressor_named("zstd"), Compressor::zstd);
  EXPECT_EQ(compressor_named("noop"), std::nullopt);
  EXPECT_EQ(compressor_named("lzma"), std::nullopt);
}

TEST(MongoCompression, GivesBackWhatWasCompressed) {
  for (const Compressor compressor : kAll) {
    for (const std::size_t size : {0u, 1u, 5u, 100u, 70'000u, 3'000'000u}) {
      const std::string body = text_of(size);
      const std::string bytes = squeezed(compressor, body);
      const std::string rest = message(bytes, size, static_cast<int>(compressor));
      ASSERT_TRUE(is_compressed(rest));
      const Compressed found = parse_compressed(rest, kMost);
      ASSERT_EQ(found.refusal, CompressionRefusal::none) << size;
      EXPECT_EQ(found.opcode, 2013);
      ASSERT_EQ(found.size, size);
      std::string out(size, '\0');
      EXPECT_EQ(inflate(found, out.data()), CompressionRefusal::none);
      EXPECT_EQ(out, body);
    }
  }
}

TEST(MongoCompression, OfWhatRepeatsItselfLittleIsLeft) {
  const std::string body = text_of(100'000);
  for (const Compressor compressor : {Compressor::snappy, Compressor::zlib, Compressor::zstd}) {
    EXPECT_LT(squeezed(compressor, body).size(), body.size() / 5);
  }
}

TEST(MongoCompression, RefusesASizeThatNoMessageHas) {
  const std::string bytes(100'000, 'x');
  EXPECT_EQ(refusal_of(message(bytes, 1001, 0), 1000), CompressionRefusal::size);
  EXPECT_EQ(refusal_of(message(bytes, 0x80000000u, 2)), CompressionRefusal::size);
  EXPECT_EQ(refusal_of(message(bytes, 0xffffffffu, 3)), CompressionRefusal::size);
}

TEST(MongoCompression, RefusesASizeThatSoFewBytesNeverGiveWithoutInflatingThem) {
  for (const int compressor : {0, 1, 2}) {
    const Compressed found = parse_compressed(message("0123456789", kMost, compressor), kMost);
    EXPECT_EQ(found.refusal, CompressionRefusal::ratio) << compressor;
    EXPECT_EQ(found.size, 0u);
  }
  EXPECT_EQ(parse_compressed(message("0123", kMost, 3), kMost).refusal, CompressionRefusal::ratio);
}

TEST(MongoCompression, TakesWhatShrinksTheMost) {
  const std::string zeros(40'000'000, '\0');
  for (const Compressor compressor : kAll) {
    const std::string bytes = squeezed(compressor, zeros);
    EXPECT_EQ(refusal_of(message(bytes, zeros.size(), static_cast<int>(compressor))),
              CompressionRefusal::none);
  }
}

TEST(MongoCompression, ABombGetsNoMoreRoomThanItAnnounced) {
  const std::string zeros(1'000'000, '\0');
  for (const Compressor compressor : kAll) {
    const std::string bytes = squeezed(compressor, zeros);
    const CompressionRefusal refusal =
        refusal_of(message(bytes, 1000, static_cast<int>(compressor)));
    EXPECT_EQ(refusal, compressor == Compressor::zlib ? CompressionRefusal::damaged
                                                      : CompressionRefusal::mismatch);
  }
}

TEST(MongoCompression, RefusesBytesThatGiveLessThanAnnounced) {
  const std::string body = text_of(500);
  for (const Compressor compressor : kAll) {
    const std::string bytes = squeezed(compressor, body);
    EXPECT_NE(refusal_of(message(bytes, 501, static_cast<int>(compressor))),
              CompressionRefusal::none);
  }
}

TEST(MongoCompression, RefusesBytesThatAreCutAtAnyPlace) {
  const std::string body = text_of(300);
  for (const Compressor compressor : kAll) {
    const std::string rest =
        message(squeezed(compressor, body), body.size(), static_cast<int>(compressor));
    for (std::size_t size = 0; size < rest.size(); ++size) {
      const CompressionRefusal refusal = refusal_of(rest.substr(0, size));
      EXPECT_NE(refusal, CompressionRefusal::none) << size;
      EXPECT_EQ(refusal == CompressionRefusal::head, size < kCompressedHeadBytes) << size;
    }
  }
}

TEST(MongoCompression, RefusesBytesBehindTheEnd) {
  const std::string body = text_of(300);
  for (const Compressor compressor : kAll) {
    const std::string bytes = squeezed(compressor, body) + "more";
    EXPECT_NE(refusal_of(message(bytes, body.size(), static_cast<int>(compressor))),
              CompressionRefusal::none);
  }
}

TEST(MongoCompression, RefusesAnUnknownCompressorAndANestedMessage) {
  EXPECT_EQ(refusal_of(message("abc", 3, 4)), CompressionRefusal::compressor);
  EXPECT_EQ(refusal_of(message("abc", 3, 255)), CompressionRefusal::compressor);
  EXPECT_EQ(refusal_of(message("abc", 3, 0, kOpCompressed)), CompressionRefusal::nested);
}

TEST(MongoCompression, TellsACompressedMessageFromAnother) {
  EXPECT_FALSE(is_compressed(""));
  EXPECT_FALSE(is_compressed(std::string(11, '\xdc')));
  std::string rest = message("abc", 3, 0);
  EXPECT_TRUE(is_compressed(rest));
  rest[8] = '\xdd';
  EXPECT_FALSE(is_compressed(rest));
}

}  // namespace
}  // namespace runtime::mongo
