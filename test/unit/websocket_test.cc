#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/websocket_frame.h"
#include "websocket/decoder.h"

namespace runtime::websocket {
namespace {

using Kind = Decoder::Event::Kind;

const MaskingKey kRfcKey = MaskingKey::from(0x37fa213d);

std::string frame(int opcode, std::string_view payload, const MaskingKey* key = nullptr) {
  std::string out(kMaxHeader + payload.size(), '\0');
  const std::size_t header = write_frame_header(opcode, payload.size(), key, out.data());
  out.resize(header + payload.size());
  if (key != nullptr) {
    apply_mask(*key, payload.data(), payload.size(), out.data() + header);
  } else {
    payload.copy(out.data() + header, payload.size());
  }
  return out;
}

// Not the last fragment.
std::string part(int opcode, std::string_view payload) {
  std::string out = frame(opcode, payload);
  out[0] = static_cast<char>(out[0] & 0x7f);
  return out;
}

// What the decoder gives for the bytes, as "opcode:payload", "error:text" at the end.
std::vector<std::string> drain(Decoder& decoder) {
  std::vector<std::string> all;
  for (;;) {
    const Decoder::Event event = decoder.next();
    if (event.kind == Kind::incomplete) return all;
    const bool failed = event.kind == Kind::error;
    all.push_back((failed ? "error" : std::to_string(event.opcode)) + ":" +
                  std::string(event.text));
    if (failed) return all;
  }
}

std::vector<std::string> decode(std::string_view bytes, std::size_t max = 1000) {
  Decoder decoder(max);
  decoder.feed(bytes);
  return drain(decoder);
}

using Events = std::vector<std::string>;

// RFC 6455, 5.7.
TEST(WebSocketFrame, LooksAsInTheRfc) {
  EXPECT_EQ(frame(kText, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(frame(kText, "Hello", &kRfcKey), "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_EQ(frame(kPong, "Hello", &kRfcKey), "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_EQ(frame(kBinary, std::string(256, 'x')).substr(0, 4), std::string("\x82\x7e\x01\x00", 4));
  EXPECT_EQ(frame(kBinary, std::string(65536, 'x')).substr(0, 10),
            std::string("\x82\x7f\0\0\0\0\0\x01\0\0", 10));
}

TEST(WebSocketFrame, TakesTheShortestLength) {
  EXPECT_EQ(frame(kText, std::string(125, 'x')).size(), 2u + 125);
  EXPECT_EQ(frame(kText, std::string(126, 'x')).size(), 4u + 126);
  EXPECT_EQ(frame(kText, std::string(65535, 'x')).size(), 4u + 65535);
  EXPECT_EQ(frame(kText, std::string(65536, 'x')).size(), 10u + 65536);
}

TEST(WebSocketFrame, HeaderIsNothingUntilItIsWhole) {
  const std::string whole = frame(kBinary, std::string(70000, 'x'), &kRfcKey);
  for (std::size_t size = 0; size < 14; ++size) {
    EXPECT_FALSE(parse_frame_header(whole.substr(0, size))) << size;
  }
  const auto header = parse_frame_header(whole);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, 14u);
  EXPECT_EQ(header->length, 70000u);
  EXPECT_TRUE(header->is_masked);
  EXPECT_TRUE(header->is_last);
}

TEST(WebSocketMask, TurnsEveryLengthBack) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7);
    std::string masked = text;
    apply_mask(kRfcKey, masked.data(), size, masked.data());
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(masked[i], static_cast<char>(text[i] ^ kRfcKey.bytes[i % 4]));
    }
    apply_mask(kRfcKey, masked.data(), size, masked.data());
    EXPECT_EQ(masked, text);
  }
}

TEST(WebSocketDecoder, GivesMessagesMaskedOrNot) {
  EXPECT_EQ(decode(frame(kText, "a") + frame(kBinary, "b", &kRfcKey) + frame(kText, "")),
            (Events{"1:a", "2:b", "1:"}));
}

TEST(WebSocketDecoder, TakesBytesInAnyPieces) {
  const std::string bytes = frame(kText, "slow", &kRfcKey) + part(kBinary, "fr") +
                            frame(kPing, "p") + frame(kContinuation, "ag", &kRfcKey);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Decoder decoder(1000);
    Events all;
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      decoder.feed(std::string_view(bytes).substr(i, piece));
      for (const std::string& event : drain(decoder)) all.push_back(event);
    }
    EXPECT_EQ(all, (Events{"1:slow", "9:p", "2:frag"})) << "pieces of " << piece;
    EXPECT_EQ(decoder.held(), 0u);
  }
}

TEST(WebSocketDecoder, JoinsFragmentsAroundControlFrames) {
  EXPECT_EQ(decode(part(kText, "a") + frame(kPing, "") + part(kContinuation, "b") +
                   frame(kPong, "x") + frame(kContinuation, "c") + frame(kText, "d")),
            (Events{"9:", "10:x", "1:abc", "1:d"}));
}

TEST(WebSocketDecoder, TellsHowMuchItHolds) {
  Decoder decoder(1000);
  decoder.feed(part(kText, "abc") + "\x81");
  EXPECT_EQ(decoder.held(), 6u);
  EXPECT_TRUE(drain(decoder).empty());
  EXPECT_EQ(decoder.held(), 4u) << "the fragment and one byte";
}

const Events kTooLarge{"error:payload_len is too large"};

TEST(WebSocketDecoder, RefusesALargeFrameByItsHeader) {
  EXPECT_EQ(decode(std::string_view("\x82\x7e\x03\xe9", 4)), kTooLarge) << "1001 bytes, none here";
  EXPECT_EQ(decode(std::string_view("\x82\x7e\x03\xe8", 4)), Events{});
  EXPECT_EQ(decode("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", Decoder::kNoLimit), kTooLarge);
}

TEST(WebSocketDecoder, RefusesALargeMessageOfSmallFragments) {
  const std::string half(600, 'x');
  EXPECT_EQ(decode(part(kText, half) + frame(kContinuation, half)), kTooLarge);
}

TEST(WebSocketDecoder, RefusesWhatBreaksTheProtocol) {
  EXPECT_EQ(decode(frame(3, "")), (Events{"error:invalid opcode 3"}));
  EXPECT_EQ(decode(frame(15, "")), (Events{"error:invalid opcode 15"}));
  EXPECT_EQ(decode(frame(kPing, std::string(126, 'x'))), (Events{"error:invalid control frame"}));
  EXPECT_EQ(decode(part(kClose, "")), (Events{"error:invalid control frame"}));
  EXPECT_EQ(decode(frame(kContinuation, "x")), (Events{"error:unexpected continuation frame"}));
  EXPECT_EQ(decode(part(kText, "a") + frame(kText, "b")),
            (Events{"error:unfinished fragmented message"}));
}

TEST(WebSocketDecoder, StaysFailedAndTakesNoMoreBytes) {
  Decoder decoder(10);
  decoder.feed(frame(kText, "ok") + frame(3, ""));
  EXPECT_EQ(drain(decoder), (Events{"1:ok", "error:invalid opcode 3"}));
  decoder.feed(frame(kText, "late"));
  EXPECT_EQ(decoder.held(), 0u);
  EXPECT_EQ(drain(decoder), (Events{"error:invalid opcode 3"}));
}

TEST(WebSocketDecoder, RefusesReservedBitsAndTextThatIsNoUtf8UnlessItIsLenient) {
  const std::string reserved = "\xc1\x01y", not_utf8 = frame(kText, "\xff");
  const std::string split = part(kText, "\xe2\x82") + frame(kContinuation, "\xac");
  EXPECT_EQ(decode(reserved), (Events{"error:reserved bits without an extension"}));
  EXPECT_EQ(decode(not_utf8), (Events{"error:text is not UTF-8"}));
  EXPECT_EQ(decode(split), (Events{"1:\xe2\x82\xac"}));
  EXPECT_EQ(decode(part(kText, "\xe2") + part(kContinuation, "\x28")),
            (Events{"error:text is not UTF-8"}))
      << "before the last fragment";
  EXPECT_EQ(decode(part(kText, "a\xe2") + frame(kContinuation, "\x82")),
            (Events{"error:text is not UTF-8"}));
  Decoder lenient(1000, Decoder::Rules::lenient);
  lenient.feed(reserved + not_utf8 + frame(kClose, "x"));
  EXPECT_EQ(drain(lenient), (Events{"1:y", "1:\xff", "8:x"}));
}

TEST(WebSocketDecoder, GivesCompressedMessagesAsTheyComeIfThatWasAgreedOn) {
  const auto decode_compressed = [](const std::string& bytes) {
    Decoder decoder(1000, Decoder::Rules::any_mask, true);
    decoder.feed(bytes);
    std::string events;
    for (auto event = decoder.next(); event.kind == Decoder::Event::Kind::message;
         event = decoder.next()) {
      events += (event.is_compressed ? "compressed:" : "plain:") + std::string(event.text) + " ";
    }
    return events + std::to_string(decoder.next().close_code);
  };
  // No text yet, so it need not be UTF-8; the next message is plain again.
  EXPECT_EQ(decode_compressed("\xc1\x01\xff" + frame(kText, "a")), "compressed:\xff plain:a 0");
  EXPECT_EQ(decode_compressed("\x41\x01\xff" + frame(kContinuation, "\xfe") + frame(kText, "a")),
            "compressed:\xff\xfe plain:a 0");
  EXPECT_EQ(decode_compressed("\xc2\x01\xff" + frame(kText, "\xff")), "compressed:\xff 1007");
  EXPECT_EQ(decode_compressed(part(kText, "a") + "\xc0\x01"
                                                 "b"),
            "1002")
      << "the bit on a continuation";
  for (const char* bytes : {"\xc9\x01p", "\xa1\x01x", "\x91\x01x"}) {
    EXPECT_EQ(decode_compressed(bytes), "1002");
  }
}

TEST(WebSocketDecoder, RefusesTheWrongMasking) {
  Decoder server(1000, Decoder::Rules::masked), client(1000, Decoder::Rules::unmasked);
  server.feed(frame(kText, "a", &kRfcKey) + frame(kText, "b"));
  client.feed(frame(kText, "a") + frame(kText, "b", &kRfcKey));
  EXPECT_EQ(drain(server), (Events{"1:a", "error:unmasked frame of a client"}));
  EXPECT_EQ(drain(client), (Events{"1:a", "error:masked frame of a server"}));
  EXPECT_EQ(server.next().close_code, kProtocolError);
}

TEST(WebSocketFrame, ACloseFrameHasACodeThatMayBeSentAndAReasonInUtf8) {
  EXPECT_EQ(check_close_payload(""), 0);
  EXPECT_EQ(check_close_payload("\x03"), kProtocolError);
  EXPECT_EQ(check_close_payload("\x03\xe8"), 0);
  EXPECT_EQ(check_close_payload("\x03\xe8 bye"), 0);
  EXPECT_EQ(check_close_payload("\x03\xe8\xff"), kInvalidData);
  for (const char* reserved :
       {"\x03\xe7", "\x03\xec", "\x03\xed", "\x03\xee", "\x03\xf7", "\x13\x88"}) {
    EXPECT_EQ(check_close_payload(reserved), kProtocolError);
  }
}

}  // namespace
}  // namespace runtime::websocket
