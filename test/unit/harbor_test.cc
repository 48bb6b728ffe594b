// The parts of the harbor service that know no sockets: frames, open requests, waiting messages.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "services/harbor_calls.h"
#include "services/harbor_frame.h"
#include "services/harbor_peer.h"
#include "services/harbor_waiting.h"

namespace runtime {
namespace {

using Result = HarborFrameReader::Result;
using namespace std::string_literals;

std::string unhex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    i += 2;
  }
  return bytes;
}

std::string encode(std::string_view payload, const FrameTail& tail) {
  const auto head = encode_frame_head(payload.size());
  const auto end = encode_frame_tail(tail);
  return std::string(head.data(), head.size()) + std::string(payload) +
         std::string(end.data(), end.size());
}

// Each frame as text; the reader's last result at the end of the bytes.
Result read_all(HarborFrameReader& reader, std::string_view bytes, std::vector<std::string>* out) {
  HarborFrame frame;
  for (;;) {
    const Result result = reader.next(&bytes, &frame);
    if (result != Result::frame) return result;
    char text[64];
    std::snprintf(text, sizeof(text), "%08x %x:%06x %u ", frame.tail.source, frame.tail.type,
                  frame.tail.destination, frame.tail.session);
    out->push_back(text + std::string(frame.payload()));
  }
}

TEST(HarborFrame, TheExamplesOfTheProtocolAreWrittenByteByByte) {
  EXPECT_EQ(encode("\x0cx", {0x01000009, 0x55, 10, 0}),
            unhex("0000000e 0c78 01000009 0a000055 00000000"));
  EXPECT_EQ(encode("", {0x01fffff0, 9, 7, 6}), unhex("0000000c 01fffff0 07000009 00000006"));
}

TEST(HarborFrame, TheExamplesAreRead) {
  HarborFrameReader reader;
  std::vector<std::string> frames;
  EXPECT_EQ(read_all(reader,
                     unhex("0000000e 0c78 01000009 0a000055 00000000"
                           "0000000c 01fffff0 07000009 00000006"),
                     &frames),
            Result::more);
  EXPECT_EQ(frames, (std::vector<std::string>{"01000009 a:000055 0 \x0cx", "01fffff0 7:000009 6 "}));
}

TEST(HarborFrame, FramesThatComeByteByByteAreWholeAfterTheLast) {
  const std::string bytes = encode("first", {1, 2, 3, 4}) + encode("", {5, 6, 7, 8}) +
                            encode(std::string(300, 'z'), {9, 10, 11, 12});
  HarborFrameReader reader;
  std::vector<std::string> frames;
  for (const char& byte : bytes) {
    ASSERT_EQ(read_all(reader, {&byte, 1}, &frames), Result::more);
  }
  EXPECT_EQ(frames, (std::vector<std::string>{"00000001 3:000002 4 first", "00000005 7:000006 8 ",
                                              "00000009 b:00000a 12 " + std::string(300, 'z')}));
}

TEST(HarborFrame, ALengthThatCannotHoldTheTailBreaksTheStream) {
  for (const char* head : {"00000000", "0000000b"}) {
    HarborFrameReader reader;
    std::vector<std::string> frames;
    EXPECT_EQ(read_all(reader, unhex(head), &frames), Result::too_short);
    EXPECT_EQ(read_all(reader, std::string(100, '\0'), &frames), Result::too_short) << "for good";
    EXPECT_TRUE(frames.empty());
  }
}

TEST(HarborFrame, ALengthWithATopByteBreaksTheStream) {
  HarborFrameReader reader;
  std::vector<std::string> frames;
  EXPECT_EQ(read_all(reader, unhex("01000000"), &frames), Result::too_long);
  EXPECT_EQ(read_all(reader, std::string(100, '\0'), &frames), Result::too_long) << "for good";
}

TEST(HarborFrame, TheLongestFramePasses) {
  const std::string payload(kMaxFramePayload, 'm');
  HarborFrameReader reader;
  std::vector<std::string> frames;
  EXPECT_EQ(read_all(reader, encode(payload, {1, 2, 3, 4}), &frames), Result::more);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0], "00000001 3:000002 4 " + payload);
}

TEST(HarborFrame, AReleasedPayloadIsTheCallersAndEndsWithAZero) {
  HarborFrameReader reader;
  HarborFrame frame;
  const std::string bytes = encode("mine", {1, 2, 3, 4});
  std::string_view rest = bytes;
  ASSERT_EQ(reader.next(&rest, &frame), Result::frame);
  char* payload = frame.release();
  EXPECT_STREQ(payload, "mine");
  std::free(payload);
}

TEST(HarborCalls, AnAnsweredRequestIsNotAmongThoseOfALostNode) {
  HarborCalls calls;
  const auto alive = [](std::uint32_t) { return true; };
  calls.add({0x01000001, 0x02000001, 5}, alive);
  calls.add({0x01000001, 0x02000001, 6}, alive);
  calls.add({0x01000001, 0x03000001, 7}, alive);
  EXPECT_TRUE(calls.remove(0x01000001, 5));
  EXPECT_FALSE(calls.remove(0x01000001, 5));
  const auto lost = calls.take(2);
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].source, 0x01000001u);
  EXPECT_EQ(lost[0].destination, 0x02000001u);
  EXPECT_EQ(lost[0].session, 6);
  EXPECT_TRUE(calls.take(2).empty());
  EXPECT_EQ(calls.size(), 1u);
}

TEST(HarborCalls, RequestsOfServicesThatHaveEndedDoNotPileUp) {
  HarborCalls calls;
  for (int session = 1; session <= 1'000'000; ++session) {
    calls.add({0x01000001, 0x02000001, session}, [](std::uint32_t) { return false; });
  }
  EXPECT_LT(calls.size(), HarborCalls::kPruneAt);
}

TEST(HarborWaiting, TakesNoMoreThanItsBound) {
  HarborWaiting waiting;
  const HarborMessage half{1, 0, 10, nullptr, HarborWaiting::kMaxBytes / 2};
  EXPECT_TRUE(waiting.push(half, 9));
  EXPECT_FALSE(waiting.push(half, 9)) << "what a message costs itself counts, too";
  const auto messages = waiting.take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].destination, 9u);
  EXPECT_TRUE(waiting.empty());
  EXPECT_TRUE(waiting.push(half, 9));
}

TEST(HarborLogLimit, ManyLinesBecomeAFewAndTheirNumber) {
  HarborLogLimit limit;
  unsigned omitted = 0;
  int lines = 0;
  for (int i = 0; i < 1000; ++i) lines += limit.allow(1000, &omitted) ? 1 : 0;
  EXPECT_EQ(lines, 20);
  EXPECT_TRUE(limit.allow(1100, &omitted));
  EXPECT_EQ(omitted, 980u);
}

}  // namespace
}  // namespace runtime
