// Frames of MongoDB's wire protocol: OP_MSG with one body section.
//
// A frame is its length (4 bytes, themselves included), request id, response-to, opcode, flags, the kind of the
// section, and a BSON document. All numbers are little-endian. Nothing in a reply is trusted: what parse_reply()
// gives lies inside of the bytes that it was given. The document's inside is not looked at.
//
// Threads:   any.
// Ownership: none.
#pragma once

#include <cstdint>
#include <string_view>

namespace runtime::mongo {

constexpr std::size_t kLengthBytes = 4;
// From the length to the kind of the section.
constexpr std::size_t kHeadBytes = 21;
constexpr std::int64_t kSmallestMessage = kHeadBytes + 5;
constexpr std::int64_t kLargestMessage = (std::int64_t{48} << 20) + (16 << 10);

// The bytes that follow a frame's length, or -1 for a length that no frame can have.
std::int64_t remaining(std::string_view length) noexcept;

enum class Refusal : std::uint8_t { none, head, opcode, flags, section, document };
const char* describe(Refusal refusal) noexcept;

struct Reply {
  Refusal refusal = Refusal::none;
  std::int32_t response_to = 0;
  std::string_view document;  // into the bytes given; as long as its own length says
};

// `rest` is what follows the length.
Reply parse_reply(std::string_view rest) noexcept;

// Writes what precedes a document of `document_bytes` to `head`, which has kHeadBytes.
void write_head(char* head, std::int32_t id, std::uint32_t flags,
                std::size_t document_bytes) noexcept;

}  // namespace runtime::mongo
