// Compressed payloads of the cluster's packets: what is worth it, and what is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cluster/compression.h"
#include "cluster/request_reader.h"

namespace runtime::cluster {
namespace {

using Kind = RequestReader::Event::Kind;

constexpr Target kByHandle{0x12345678, false, {}};

std::string json(std::size_t bytes) {
  std::string out;
  for (int i = 0; out.size() < bytes; ++i)
    out += R"({"id":)" + std::to_string(i * 7919) + R"(,"name":"player"},)";
  return out.substr(0, bytes);
}

std::string noise(std::size_t bytes) {
  std::string out;
  for (std::uint32_t x = 1; out.size() < bytes; x = x * 1664525 + 1013904223)
    out += static_cast<char>(x >> 24);
  return out;
}

Compression agreed(std::size_t from) {
  Compression compression(from);
  compression.agree();
  return compression;
}

std::string shrunk(std::string_view payload) {
  Compression compression = agreed(1);
  std::string out(payload.size(), '\0');
  out.resize(compression.shrink(payload, out.data()));
  return out;
}

// The frame of one block of raw bytes that says it gives `claimed` bytes.
std::string frame_claiming(std::uint32_t claimed, std::string_view bytes) {
  std::string out("\x28\xb5\x2f\xfd\xa0", 5);
  for (int i = 0; i < 4; ++i) out += static_cast<char>(claimed >> 8 * i);
  const std::size_t block = bytes.size() << 3 | 1;
  for (int i = 0; i < 3; ++i) out += static_cast<char>(block >> 8 * i);
  return out.append(bytes);
}

std::string fault_of(std::string_view payload) {
  Compression compression = agreed(1);
  return compression.expand(&payload) ? "" : compression.fault();
}

// A request with this compressed payload, without its length.
std::string compressed_request(std::uint32_t session, std::string_view payload) {
  char out[kMaxHead];
  const std::size_t size = write_request(out, kByHandle, session, 0);
  mark_compressed(Protocol::requests, out, size, payload.size());
  return std::string(out + kLengthBytes, size - kLengthBytes).append(payload);
}

TEST(ClusterCompression, APayloadComesBackAsItWas) {
  for (const std::size_t size : {100u, 1024u, 16384u, 32767u, 32768u}) {
    Compression compression = agreed(1);
    const std::string payload = json(size);
    const std::string packed = shrunk(payload);
    ASSERT_FALSE(packed.empty()) << size;
    std::string_view back = packed;
    ASSERT_TRUE(compression.expand(&back)) << compression.fault();
    EXPECT_EQ(back, payload);
    EXPECT_EQ(compression.saved_in(), payload.size() - packed.size());
  }
}

TEST(ClusterCompression, ShortPayloadsAndThoseThatDoNotShrinkTravelAsTheyAre) {
  Compression compression = agreed(1000);
  std::string out(32768, '\0');
  EXPECT_EQ(compression.shrink(json(999), out.data()), 0u);
  EXPECT_GT(compression.shrink(json(1000), out.data()), 0u);
  EXPECT_EQ(compression.shrink(noise(32768), out.data()), 0u);
  compression.forget();
  EXPECT_EQ(compression.shrink(json(1000), out.data()), 0u) << "the nodes have not agreed";
}

TEST(ClusterCompression, WhatIsNoWholeFrameOfAPayloadIsRefused) {
  const std::string sound = shrunk(json(16384));
  EXPECT_EQ(fault_of(sound), "");
  EXPECT_EQ(fault_of(""), "a compressed packet is no zstd");
  EXPECT_EQ(fault_of("hello, this is no zstd"), "a compressed packet is no zstd");
  EXPECT_EQ(fault_of(sound.substr(0, sound.size() - 1)), "a compressed packet is damaged");
  EXPECT_EQ(fault_of(sound + "x"), "a compressed packet is damaged");
  EXPECT_EQ(fault_of(sound + sound), "a compressed packet is damaged") << "two frames";
  EXPECT_EQ(fault_of(frame_claiming(5, "bytes")), "");
  EXPECT_EQ(fault_of(frame_claiming(6, "bytes")), "a compressed packet is damaged");
  EXPECT_EQ(fault_of(frame_claiming(4, "bytes")), "a compressed packet is damaged");
  EXPECT_EQ(fault_of(frame_claiming(0, "")), "a compressed packet is damaged");
  EXPECT_EQ(fault_of(std::string("\x50\x2a\x4d\x18\0\0\0\0", 8)), "a compressed packet is damaged")
      << "a frame that is to be skipped";
  EXPECT_EQ(fault_of(frame_claiming(1u << 30, "bytes")),
            "a compressed packet claims 1073741824 bytes: more than 32768 are never in one");
  EXPECT_EQ(fault_of(frame_claiming(32769, "bytes")),
            "a compressed packet claims 32769 bytes: more than 32768 are never in one");
  EXPECT_EQ(fault_of(std::string("\x28\xb5\x2f\xfd\0\0\x29\0\0bytes", 14)),
            "a compressed packet does not tell its size");
}

TEST(ClusterCompression, AFlippedBitIsRefusedOrGivesAsManyBytes) {
  const std::string sound = shrunk(json(2000));
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    std::string flipped = sound;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    Compression compression = agreed(1);
    std::string_view payload = flipped;
    if (compression.expand(&payload)) {
      EXPECT_LE(payload.size(), kPartBytes);
    } else {
      EXPECT_NE(compression.fault(), "");
    }
  }
}

TEST(ClusterCompression, ARequestIsReadAsIfItHadComePlain) {
  Compression compression = agreed(1);
  RequestReader reader(1 << 20, &compression);
  const std::string payload = json(16384);
  const auto event = reader.read(compressed_request(7, shrunk(payload)));
  ASSERT_EQ(event.kind, Kind::request);
  EXPECT_EQ(event.session, 7u);
  EXPECT_EQ(event.target.handle, 0x12345678u);
  EXPECT_EQ(std::string_view(event.payload.data, event.payload.size), payload);
  std::free(event.payload.data);
  const auto damaged = reader.read(compressed_request(8, "hello"));
  ASSERT_EQ(damaged.kind, Kind::damaged);
  EXPECT_EQ(damaged.text, "a compressed packet is no zstd");
}

TEST(ClusterCompression, PartsMayBeCompressedOrNot) {
  Compression compression = agreed(1);
  RequestReader reader(1 << 20, &compression);
  const std::string first = json(kPartBytes), last = "the end";
  char out[kMaxHead];
  std::size_t size = write_request_head(
      out, kByHandle, 3, static_cast<std::uint32_t>(first.size() + last.size()), false);
  EXPECT_FALSE(may_be_compressed(Protocol::requests, {out, size}));
  EXPECT_EQ(reader.read({out + kLengthBytes, size - kLengthBytes}).kind, Kind::nothing);
  const std::string packed = shrunk(first);
  size = write_request_part(out, 3, 0, false);
  ASSERT_TRUE(may_be_compressed(Protocol::requests, {out, size}));
  mark_compressed(Protocol::requests, out, size, packed.size());
  EXPECT_EQ(reader.read(std::string(out + kLengthBytes, size - kLengthBytes) + packed).kind,
            Kind::nothing);
  size = write_request_part(out, 3, last.size(), true);
  const auto event = reader.read(std::string(out + kLengthBytes, size - kLengthBytes) + last);
  ASSERT_EQ(event.kind, Kind::request);
  EXPECT_EQ(std::string_view(event.payload.data, event.payload.size), first + last);
  std::free(event.payload.data);
}

TEST(ClusterCompression, OnlyPayloadsAreEverCompressedAndOnlyAfterTheNodesHaveAgreed) {
  Request request;
  for (const char* head : {"\x21", "\x61", "\x24", "\xa1", "\xe1", "\x60", "\xa4"}) {
    const std::string body = std::string(head) + std::string("\1abcdefghijkl", 13);
    EXPECT_EQ(parse_request(body, &request, Payloads::maybe_compressed),
              RequestFault::unknown_type);
  }
  Compression undecided(1);
  RequestReader reader(1 << 20, &undecided);
  const auto event = reader.read(compressed_request(7, shrunk(json(1000))));
  EXPECT_EQ(event.kind, Kind::nonsense);
  EXPECT_EQ(event.text, "Invalid req package type 32");
}

TEST(ClusterCompression, OfAnswersDataAndPartsMayBeCompressed) {
  Answer answer;
  for (const AnswerKind kind : {AnswerKind::ok, AnswerKind::part, AnswerKind::last}) {
    char out[kMaxHead];
    const std::size_t size = write_answer(out, 9, kind, 0);
    ASSERT_TRUE(may_be_compressed(Protocol::answers, {out, size}));
    mark_compressed(Protocol::answers, out, size, 3);
    const std::string body = std::string(out + kLengthBytes, size - kLengthBytes) + "abc";
    EXPECT_EQ(static_cast<std::size_t>(out[1]), body.size());
    ASSERT_TRUE(parse_answer(body, &answer, Payloads::maybe_compressed));
    EXPECT_TRUE(answer.compressed);
    EXPECT_EQ(answer.kind, kind);
    EXPECT_EQ(answer.data, "abc");
    EXPECT_FALSE(parse_answer(body, &answer));
  }
  for (const char kind : {'\x20', '\x22', '\x25'})
    EXPECT_FALSE(parse_answer(std::string("\1\0\0\0", 4) + kind + "\1\0\0\0", &answer,
                              Payloads::maybe_compressed));
}

}  // namespace
}  // namespace runtime::cluster
