#include "mongo/message.h"

#include <cstring>

namespace runtime::mongo {

namespace {

constexpr std::uint32_t kOpMsg = 2013;
constexpr std::uint32_t kMoreToCome = 2;
constexpr std::size_t kEmptyDocument = 5;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

}  // namespace

std::int64_t remaining(std::string_view length) noexcept {
  if (length.size() != kLengthBytes) return -1;
  const auto whole = static_cast<std::int32_t>(number_at(length, 0));
  if (whole < kSmallestMessage || whole > kLargestMessage) return -1;
  return whole - static_cast<std::int64_t>(kLengthBytes);
}

const char* describe(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::none: return "none";
    case Refusal::head: return "a message shorter than its header";
    case Refusal::opcode: return "an opcode other than OP_MSG";
    case Refusal::flags: return "unknown flags, or a checksum";
    case Refusal::section: return "a section that is no body";
    case Refusal::document: return "a document that does not fill its message";
  }
  return "unknown";
}

Reply parse_reply(std::string_view rest) noexcept {
  constexpr std::size_t kHead = kHeadBytes - kLengthBytes;
  Reply reply;
  const auto refuse = [&reply](Refusal refusal) {
    reply.refusal = refusal;
    return reply;
  };
  if (rest.size() < kHead) return refuse(Refusal::head);
  reply.response_to = static_cast<std::int32_t>(number_at(rest, 4));
  if (number_at(rest, 8) != kOpMsg) return refuse(Refusal::opcode);
  const std::uint32_t flags = number_at(rest, 12);
  if (flags != 0 && flags != kMoreToCome) return refuse(Refusal::flags);
  if (rest[16] != 0) return refuse(Refusal::section);
  const std::string_view document = rest.substr(kHead);
  if (document.size() < kEmptyDocument || number_at(document, 0) != document.size()) {
    return refuse(Refusal::document);
  }
  reply.document = document;
  return reply;
}

void write_head(char* head, std::int32_t id, std::uint32_t flags,
                std::size_t document_bytes) noexcept {
  const std::uint32_t words[] = {static_cast<std::uint32_t>(kHeadBytes + document_bytes),
                                 static_cast<std::uint32_t>(id), 0, kOpMsg, flags};
  std::memcpy(head, words, sizeof words);
  head[sizeof words] = 0;
}

}  // namespace runtime::mongo
