#include "docstore/wire/request.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "bson/reader.h"
#include "docstore/wire/crc32c.h"

namespace runtime::docstore {

namespace {

constexpr std::uint32_t kChecksum = 1;
constexpr std::uint32_t kMoreToCome = 2;
constexpr std::uint32_t kMustBeKnown = 0xffff;  // a flag above may be ignored
constexpr std::size_t kReplyHead = kHeaderBytes + 20;
constexpr std::size_t kMessageHead = kHeaderBytes + 5;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

// Takes a document off the front; nothing when there is no whole one.
std::string_view take_document(std::string_view* bytes) {
  if (bytes->size() < bson::kSmallestDocument) return {};
  const std::size_t size = number_at(*bytes, 0);
  if (size < bson::kSmallestDocument || size > bytes->size()) return {};
  const std::string_view document = bytes->substr(0, size);
  if (bson::check(document, kMaxDepth).fault != bson::Fault::none) return {};
  bytes->remove_prefix(size);
  return document;
}

bool take_text(std::string_view* bytes, std::string_view* text) {
  const std::size_t zero = bytes->find('\0');
  if (zero == std::string_view::npos) return false;
  *text = bytes->substr(0, zero);
  bytes->remove_prefix(zero + 1);
  return true;
}

const char* parse_sequence(std::string_view* bytes, Request* request) {
  if (bytes->size() < 4) return "a document sequence without a size";
  const std::size_t size = number_at(*bytes, 0);
  if (size < 5 || size > bytes->size()) return "a document sequence that goes beyond its message";
  std::string_view inside = bytes->substr(4, size - 4);
  bytes->remove_prefix(size);
  Sequence sequence;
  if (!take_text(&inside, &sequence.identifier)) return "a document sequence without a name";
  while (!inside.empty()) {
    const std::string_view document = take_document(&inside);
    if (document.empty()) return "a malformed document in a sequence";
    sequence.documents.push_back(document);
  }
  request->sequences.push_back(std::move(sequence));
  return nullptr;
}

// `frame` has a header whose length is not looked at: that of an unpacked message is the packed one's.
const char* parse_message(std::string_view frame, Request* request) {
  std::string_view bytes = frame.substr(kHeaderBytes);
  if (bytes.size() < 4) return "a message without flags";
  const std::uint32_t flags = number_at(bytes, 0);
  bytes.remove_prefix(4);
  if ((flags & kMustBeKnown & ~(kChecksum | kMoreToCome)) != 0) return "flags that are not known";
  if ((flags & kChecksum) != 0) {
    if (bytes.size() < 4) return "a message without its checksum";
    const std::uint32_t sum = number_at(bytes, bytes.size() - 4);
    if (sum != crc32c(frame.substr(0, frame.size() - 4))) return "a wrong checksum";
    bytes.remove_suffix(4);
  }
  request->wants_no_answer = (flags & kMoreToCome) != 0;
  while (!bytes.empty()) {
    const char kind = bytes.front();
    bytes.remove_prefix(1);
    if (kind == 0) {
      if (!request->command.empty()) return "two commands in one message";
      request->command = take_document(&bytes);
      if (request->command.empty()) return "a malformed command";
    } else if (kind == 1) {
      if (const char* wrong = parse_sequence(&bytes, request)) return wrong;
    } else {
      return "a section of an unknown kind";
    }
  }
  return request->command.empty() ? "a message without a command" : nullptr;
}

const char* parse_query(std::string_view frame, Request* request) {
  std::string_view bytes = frame.substr(kHeaderBytes);
  request->is_query = true;
  if (bytes.size() < 4) return "a query without flags";
  bytes.remove_prefix(4);
  if (!take_text(&bytes, &request->collection)) return "a query without a collection";
  if (bytes.size() < 8) return "a query that is cut";
  bytes.remove_prefix(8);
  request->command = take_document(&bytes);
  if (request->command.empty() || !bytes.empty()) return "a malformed query";
  return nullptr;
}

const char* parse_plain(std::int32_t opcode, std::string_view frame, Request* request) {
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::message: return parse_message(frame, request);
    case Opcode::query: return parse_query(frame, request);
    default: return "an opcode other than OP_MSG";
  }
}

// A header, with the ids of the packed message, before what was in it.
const char* unpack(std::string_view frame, Request* request) {
  const std::string_view rest = frame.substr(4);
  const mongo::Compressed packed = mongo::parse_compressed(rest, kMaxMessageBytes - kHeaderBytes);
  if (packed.refusal != mongo::CompressionRefusal::none) return mongo::describe(packed.refusal);
  const std::size_t size = kHeaderBytes + packed.size;
  request->unpacked.reset(new char[size]);
  char* const bytes = request->unpacked.get();
  std::memcpy(bytes, frame.data(), kHeaderBytes);
  std::memcpy(bytes + 12, &packed.opcode, 4);
  const auto refusal = mongo::inflate(packed, bytes + kHeaderBytes);
  if (refusal != mongo::CompressionRefusal::none) return mongo::describe(refusal);
  request->compressor = packed.compressor;
  return parse_plain(packed.opcode, {bytes, size}, request);
}

void put(char* at, std::int32_t number) { std::memcpy(at, &number, sizeof number); }

}  // namespace

std::int64_t bytes_after_length(std::string_view length) noexcept {
  if (length.size() != 4) return -1;
  const std::uint32_t whole = number_at(length, 0);
  if (whole < kHeaderBytes || whole > kMaxMessageBytes) return -1;
  return static_cast<std::int64_t>(whole) - 4;
}

Request parse_request(std::string_view frame) noexcept {
  Request request;
  if (frame.size() < kHeaderBytes || number_at(frame, 0) != frame.size()) {
    request.malformed = "a length that is not the message's";
    return request;
  }
  request.id = static_cast<std::int32_t>(number_at(frame, 4));
  const auto opcode = static_cast<std::int32_t>(number_at(frame, 12));
  const bool is_packed = opcode == static_cast<std::int32_t>(Opcode::compressed);
  request.malformed = is_packed ? unpack(frame, &request) : parse_plain(opcode, frame, &request);
  return request;
}

namespace {

// The frame packed; as it is where that cannot be done, or brings nothing.
Frame packed(const Request& request, std::int32_t id, Frame plain) {
  constexpr std::size_t kHead = mongo::kCompressedHeadBytes + 4;
  const std::string_view body(plain.bytes + kHeaderBytes, plain.size - kHeaderBytes);
  char* const bytes = static_cast<char*>(
      std::malloc(kHead + mongo::compressed_bound(request.compressor, body.size())));
  RUNTIME_CHECK(bytes != nullptr, "out of memory");
  const std::size_t size = mongo::deflate(request.compressor, body, -1, bytes + kHead);
  if (size == 0) {
    std::free(bytes);
    return plain;
  }
  mongo::Compressed head;
  head.opcode = static_cast<std::int32_t>(number_at({plain.bytes, kHeaderBytes}, 12));
  head.compressor = request.compressor;
  head.size = body.size();
  head.bytes = {bytes + kHead, size};
  mongo::write_compressed_head(bytes, id, request.id, head);
  std::free(plain.bytes);
  return {bytes, kHead + size};
}

}  // namespace

Frame frame_answer(const Request& request, std::int32_t id, std::string_view document) noexcept {
  const std::size_t head = request.is_query ? kReplyHead : kMessageHead;
  const std::size_t size = head + document.size();
  char* bytes = static_cast<char*>(std::malloc(size));
  RUNTIME_CHECK(bytes != nullptr, "out of memory");
  std::memset(bytes, 0, head);
  put(bytes, static_cast<std::int32_t>(size));
  put(bytes + 4, id);
  put(bytes + 8, request.id);
  put(bytes + 12, static_cast<std::int32_t>(request.is_query ? Opcode::reply : Opcode::message));
  // Of OP_REPLY: flags, where "await capable" is what servers say; cursor; first; one document.
  if (request.is_query) {
    put(bytes + 16, 8);
    put(bytes + 32, 1);
  }
  std::memcpy(bytes + head, document.data(), document.size());
  const Frame plain{bytes, size};
  return request.compressor == mongo::Compressor::noop ? plain : packed(request, id, plain);
}

}  // namespace runtime::docstore
