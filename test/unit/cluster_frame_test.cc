// The cluster's packets, byte for byte, and messages that come in parts.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "cluster/assembly.h"
#include "cluster/frame.h"
#include "cluster/packed_reader.h"
#include "cluster/request_reader.h"
#include "cluster/splitter.h"

namespace runtime::cluster {
namespace {

std::string bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

std::string hex(std::string_view raw) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : raw) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

template <class Write>
std::string written(Write write) {
  char out[kMaxHead];
  return hex({out, write(out)});
}

constexpr Target kByHandle{0x12345678, false, {}};
constexpr Target kByName{0, true, "@abc"};

// ---- the examples of the wire's description ----

TEST(ClusterFrame, RequestsAreWrittenAsOnSkynetsWire) {
  EXPECT_EQ(written([](char* out) { return write_request(out, kByHandle, 7, 3); }),
            "000c007856341207000000");
  EXPECT_EQ(written([](char* out) { return write_request(out, kByName, 7, 3); }),
            "000d80044061626307000000");
  EXPECT_EQ(written([](char* out) { return write_request(out, kByHandle, 0, 3); }),
            "000c007856341200000000");
}

TEST(ClusterFrame, LargeRequestsHaveAHeadAndParts) {
  const Target one{1, false, {}};
  EXPECT_EQ(written([&](char* out) { return write_request_head(out, one, 7, 70005, false); }),
            "000d01010000000700000075110100");
  EXPECT_EQ(written([&](char* out) { return write_request_head(out, one, 7, 70005, true); }),
            "000d41010000000700000075110100");
  EXPECT_EQ(written([&](char* out) { return write_request_head(out, kByName, 7, 70005, true); }),
            "000ec10440616263"
            "0700000075110100");
  EXPECT_EQ(written([](char* out) { return write_request_part(out, 7, 0x8000, false); }),
            "80050207000000");
  EXPECT_EQ(written([](char* out) { return write_request_part(out, 7, 0x1175, true); }),
            "117a0307000000");
}

TEST(ClusterFrame, TracesAndAnswersAreWrittenAsOnSkynetsWire) {
  EXPECT_EQ(written([](char* out) { return write_trace(out, 3); }), "000404");
  EXPECT_EQ(written([](char* out) { return write_answer(out, 7, AnswerKind::ok, 4); }),
            "00090700000001");
  EXPECT_EQ(written([](char* out) { return write_answer(out, 7, AnswerKind::error, 4); }),
            "00090700000000");
  EXPECT_EQ(written([](char* out) { return write_answer_head(out, 7, 0x8001); }),
            "0009070000000201800000");
}

TEST(ClusterFrame, RequestsAreRead) {
  Request request;
  const std::string whole = bytes("0078563412070000006869");
  ASSERT_EQ(parse_request(whole, &request), RequestFault::none);
  EXPECT_EQ(request.target.handle, 0x12345678u);
  EXPECT_EQ(request.session, 7u);
  EXPECT_EQ(request.payload, "hi");
  EXPECT_FALSE(request.push);
  const std::string named = bytes("80044061626300000000aa");
  ASSERT_EQ(parse_request(named, &request), RequestFault::none);
  EXPECT_EQ(request.target.name, "@abc");
  EXPECT_TRUE(request.push);
  const std::string head = bytes("c104406162630700000070110100");
  ASSERT_EQ(parse_request(head, &request), RequestFault::none);
  EXPECT_EQ(request.kind, Request::Kind::head);
  EXPECT_EQ(request.total, 70000u);
  EXPECT_TRUE(request.push);
}

TEST(ClusterFrame, WhatIsCutOrUnknownIsRefused) {
  Request request;
  for (const char* cut :
       {"00", "0078563412", "00785634120700", "80", "8000", "80044061626307", "8004406162",
        "01010000000700000070", "01010000000700000070110100ff", "8104406162630700000070"}) {
    EXPECT_EQ(parse_request(bytes(cut), &request), RequestFault::short_request) << cut;
  }
  EXPECT_EQ(parse_request(bytes("03070000"), &request), RequestFault::short_part);
  EXPECT_EQ(parse_request({}, &request), RequestFault::empty);
  EXPECT_EQ(parse_request(bytes("42010000000700000070110100"), &request),
            RequestFault::unknown_type);
  Answer answer;
  for (const char* bad : {"", "0700", "07000000", "0700000005ff", "0700000002701101", "07000000ff"})
    EXPECT_FALSE(parse_answer(bytes(bad), &answer)) << bad;
}

// ---- the stream ----

TEST(ClusterSplitter, APacketInAnyPiecesIsGivenOnceItIsWhole) {
  const std::string stream = bytes(
      "0003616263"
      "0000"
      "000164");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    Splitter splitter;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      splitter.feed(std::string_view(stream).substr(at, piece), [&](std::string_view body) {
        got.emplace_back(body);
        return true;
      });
    }
    EXPECT_EQ(got, (std::vector<std::string>{"abc", "", "d"})) << "pieces of " << piece;
  }
}

// ---- messages in parts ----

using Kind = RequestReader::Event::Kind;

std::string head_of(std::uint32_t session, std::uint32_t total) {
  char out[kMaxHead];
  const std::size_t size = write_request_head(out, kByHandle, session, total, false);
  return {out + kLengthBytes, size - kLengthBytes};
}

std::string part_of(std::uint32_t session, std::string_view data, bool last) {
  char out[kMaxHead];
  const std::size_t size = write_request_part(out, session, data.size(), last);
  return std::string(out + kLengthBytes, size - kLengthBytes).append(data);
}

TEST(ClusterRequestReader, PartsOfTwoRequestsMayInterleave) {
  RequestReader reader(1 << 20);
  EXPECT_EQ(reader.read(head_of(1, 4)).kind, Kind::nothing);
  EXPECT_EQ(reader.read(head_of(2, 2)).kind, Kind::nothing);
  EXPECT_EQ(reader.read(part_of(1, "ab", false)).kind, Kind::nothing);
  auto second = reader.read(part_of(2, "xy", true));
  ASSERT_EQ(second.kind, Kind::request);
  EXPECT_EQ(std::string(second.payload.data, second.payload.size), "xy");
  std::free(second.payload.data);
  auto first = reader.read(part_of(1, "cd", true));
  ASSERT_EQ(first.kind, Kind::request);
  EXPECT_EQ(std::string(first.payload.data, first.payload.size), "abcd");
  std::free(first.payload.data);
  EXPECT_EQ(reader.unfinished(), 0u);
}

TEST(ClusterRequestReader, PartsThatDoNotAddUpAreRefusedAtTheLastOne) {
  RequestReader reader(1 << 20);
  reader.read(head_of(1, 5));
  EXPECT_EQ(reader.read(part_of(1, "abcd", true)).kind, Kind::refused);
  reader.read(head_of(2, 3));
  EXPECT_EQ(reader.read(part_of(2, "abcd", false)).kind, Kind::nothing);
  EXPECT_EQ(reader.read(part_of(2, "x", true)).text, "Invalid large req");
  EXPECT_EQ(reader.read(part_of(3, "x", false)).kind, Kind::nothing);
  EXPECT_EQ(reader.read(part_of(3, "x", true)).text, "Invalid large req");
  EXPECT_EQ(reader.read(part_of(4, "x", true)).kind, Kind::refused);
}

TEST(ClusterRequestReader, ATotalThatIsTooLargeIsRefusedAtOnceAndItsPartsAreDropped) {
  RequestReader reader(1 << 20);
  for (const std::uint32_t total : {0x80000000u, 0xffffffffu, 0x7fffffffu}) {
    const auto refused = reader.read(head_of(1, total));
    EXPECT_EQ(refused.kind, Kind::refused);
    EXPECT_EQ(refused.session, 1u);
    EXPECT_EQ(reader.read(part_of(1, std::string(1000, 'x'), false)).kind, Kind::nothing);
    EXPECT_EQ(reader.read(part_of(1, "x", true)).kind, Kind::nothing);
    EXPECT_EQ(reader.unfinished(), 0u);
  }
}

TEST(ClusterRequestReader, UnfinishedRequestsTogetherStayBelowTheBudget) {
  RequestReader reader(100000);
  const std::string part(30000, 'x');
  int refused = 0;
  for (std::uint32_t session = 1; session <= 10; ++session) {
    reader.read(head_of(session, 60000));
    reader.read(part_of(session, part, false));
  }
  for (std::uint32_t session = 1; session <= 10; ++session) {
    auto event = reader.read(part_of(session, part, true));
    refused += event.kind == Kind::refused;
    std::free(event.payload.data);
  }
  EXPECT_EQ(refused, 9);
  reader.read(head_of(11, 60000));
  reader.read(part_of(11, part, false));
  auto event = reader.read(part_of(11, part, true));
  EXPECT_EQ(event.kind, Kind::request) << "what was refused has given its memory back";
  std::free(event.payload.data);
}

TEST(ClusterRequestReader, HeadsWithoutEndAreBounded) {
  RequestReader reader(1 << 20);
  for (std::uint32_t session = 1; session <= RequestReader::kMaxUnfinished; ++session)
    EXPECT_EQ(reader.read(head_of(session, 100)).kind, Kind::nothing);
  EXPECT_EQ(reader.read(head_of(1u << 30, 100)).kind, Kind::refused);
  EXPECT_EQ(reader.unfinished(), RequestReader::kMaxUnfinished);
}

// ---- packed values ----

TEST(ClusterPackedReader, ReadsWhatServicesTellALink) {
  const std::string message = bytes(
      "1c726571"
      "0a07"
      "03"
      "8877665544332211"
      "120001"
      "22ffffffff");
  PackedReader reader(message);
  std::string_view command;
  std::int64_t number = 0;
  void* pointer = nullptr;
  EXPECT_FALSE(reader.integer(&number));
  ASSERT_TRUE(reader.string(&command));
  EXPECT_EQ(command, "req");
  ASSERT_TRUE(reader.integer(&number));
  EXPECT_EQ(number, 7);
  ASSERT_TRUE(reader.pointer(&pointer));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pointer), 0x1122334455667788u);
  ASSERT_TRUE(reader.integer(&number));
  EXPECT_EQ(number, 256);
  ASSERT_TRUE(reader.integer(&number));
  EXPECT_EQ(number, -1);
  EXPECT_TRUE(reader.at_end());
}

TEST(ClusterPackedReader, RefusesValuesThatAreCut) {
  std::string_view text;
  std::int64_t number = 0;
  void* pointer = nullptr;
  for (const char* cut : {"", "24616263", "15", "1504", "25ffffffff61", "1d00"})
    EXPECT_FALSE(PackedReader(bytes(cut)).string(&text)) << cut;
  for (const char* cut :
       {"", "0a", "1200", "220000", "3200000000", "42000000000000e03f", "1a000000"})
    EXPECT_FALSE(PackedReader(bytes(cut)).integer(&number)) << cut;
  EXPECT_FALSE(PackedReader(bytes("0311")).pointer(&pointer));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these take all addresses
// In a process of its own: what it says is its exit status.
[[noreturn]] void take_what_nobody_has_memory_for() {
  constexpr rlim_t kLimit = rlim_t{1} << 30;
  const rlimit limits{kLimit, kLimit};
  if (setrlimit(RLIMIT_AS, &limits) != 0) std::_Exit(1);
  Budget budget{kMaxTotal};
  Assembly message(kMaxTotal, &budget);
  if (message.add("part") != Assembly::Added::no_room) std::_Exit(2);
  if (budget.left != kMaxTotal) std::_Exit(3);
  Assembly other(4, &budget);
  if (other.add("part") != Assembly::Added::yes || !other.complete()) std::_Exit(4);
  std::_Exit(0);
}

TEST(ClusterAssemblyDeathTest, AMessageThatIsAnnouncedLargerThanTheMemoryEndsNothingButItself) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(take_what_nobody_has_memory_for(), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace runtime::cluster
