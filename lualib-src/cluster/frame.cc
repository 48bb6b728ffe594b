#include "cluster/frame.h"

#include <cstring>

namespace runtime::cluster {

namespace {

constexpr std::uint8_t kNamed = 0x80, kPushed = 0x40, kCompressed = 0x20;
enum Type : std::uint8_t { kWhole = 0, kHead = 1, kPart = 2, kLast = 3, kTrace = 4 };

std::uint32_t read32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8 |
         static_cast<std::uint32_t>(b[2]) << 16 | static_cast<std::uint32_t>(b[3]) << 24;
}

char* write32(char* out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) *out++ = static_cast<char>(value >> 8 * i);
  return out;
}

char* write_length(char* out, std::size_t bytes) {
  *out++ = static_cast<char>(bytes >> 8);
  *out++ = static_cast<char>(bytes);
  return out;
}

std::size_t target_bytes(const Target& target) { return target.named ? 1 + target.name.size() : 4; }

char* write_target(char* out, std::uint8_t type, const Target& target) {
  if (!target.named) {
    *out++ = static_cast<char>(type);
    return write32(out, target.handle);
  }
  *out++ = static_cast<char>(type | kNamed);
  *out++ = static_cast<char>(target.name.size());
  std::memcpy(out, target.name.data(), target.name.size());
  return out + target.name.size();
}

// Takes the target and the session from the front of what follows the type.
bool take_target(bool named, std::string_view* rest, Request* request) {
  std::size_t size = 4;
  if (named) {
    if (rest->empty()) return false;
    size = static_cast<unsigned char>(rest->front());
    rest->remove_prefix(1);
  }
  if (rest->size() < size + 4) return false;
  request->target.named = named;
  if (named) {
    request->target.name = rest->substr(0, size);
  } else {
    request->target.handle = read32(rest->data());
  }
  request->session = read32(rest->data() + size);
  rest->remove_prefix(size + 4);
  return true;
}

// Of those whose payload may be compressed.
bool has_payload(std::uint8_t type) {
  return type == kWhole || type == (kWhole | kNamed) || type == kPart || type == kLast;
}

bool has_data(AnswerKind kind) {
  return kind == AnswerKind::ok || kind == AnswerKind::part || kind == AnswerKind::last;
}

// Where a packet says what it is.
std::size_t type_at(Protocol protocol) {
  return kLengthBytes + (protocol == Protocol::requests ? 0 : 4);
}

}  // namespace

RequestFault parse_request(std::string_view body, Request* request, Payloads payloads) {
  if (body.empty()) return RequestFault::empty;
  *request = {};
  auto type = static_cast<std::uint8_t>(body.front());
  if (payloads == Payloads::maybe_compressed && (type & kCompressed) != 0) {
    type &= static_cast<std::uint8_t>(~kCompressed);
    if (!has_payload(type)) return RequestFault::unknown_type;
    request->compressed = true;
  }
  std::string_view rest = body.substr(1);
  switch (type) {
    case kWhole:
    case kWhole | kNamed:
      if (!take_target(type == (kWhole | kNamed), &rest, request))
        return RequestFault::short_request;
      request->kind = Request::Kind::whole;
      request->push = request->session == 0;
      request->payload = rest;
      return RequestFault::none;
    case kHead:
    case kHead | kPushed:
    case kHead | kNamed:
    case kHead | kNamed | kPushed:
      if (!take_target((type & kNamed) != 0, &rest, request) || rest.size() != 4)
        return RequestFault::short_request;
      request->kind = Request::Kind::head;
      request->push = (type & kPushed) != 0;
      request->total = read32(rest.data());
      return RequestFault::none;
    case kPart:
    case kLast:
      if (rest.size() < 4) return RequestFault::short_part;
      request->kind = type == kPart ? Request::Kind::part : Request::Kind::last;
      request->session = read32(rest.data());
      request->payload = rest.substr(4);
      return RequestFault::none;
    case kTrace:
      request->kind = Request::Kind::trace;
      request->payload = rest;
      return RequestFault::none;
    default: return RequestFault::unknown_type;
  }
}

const char* text_of(RequestFault fault) {
  switch (fault) {
    case RequestFault::empty: return "Invalid req package. size == 0";
    case RequestFault::short_request: return "Invalid cluster message";
    case RequestFault::short_part: return "Invalid cluster multi part message";
    case RequestFault::unknown_type: return "Invalid req package type";
    default: return "";
  }
}

bool parse_answer(std::string_view body, Answer* answer, Payloads payloads) {
  if (body.size() < 5) return false;
  answer->session = read32(body.data());
  auto kind = static_cast<std::uint8_t>(body[4]);
  answer->compressed = payloads == Payloads::maybe_compressed && (kind & kCompressed) != 0;
  if (answer->compressed) {
    kind &= static_cast<std::uint8_t>(~kCompressed);
    if (!has_data(static_cast<AnswerKind>(kind))) return false;
  }
  if (kind > static_cast<std::uint8_t>(AnswerKind::last)) return false;
  answer->kind = static_cast<AnswerKind>(kind);
  answer->data = body.substr(5);
  answer->total = 0;
  if (answer->kind == AnswerKind::head) {
    if (answer->data.size() != 4) return false;
    answer->total = read32(answer->data.data());
  }
  return true;
}

std::size_t write_request(char* out, const Target& target, std::uint32_t session,
                          std::size_t payload_bytes) {
  char* at = write_length(out, 1 + target_bytes(target) + 4 + payload_bytes);
  at = write_target(at, kWhole, target);
  return static_cast<std::size_t>(write32(at, session) - out);
}

std::size_t write_request_head(char* out, const Target& target, std::uint32_t session,
                               std::uint32_t total, bool push) {
  char* at = write_length(out, 1 + target_bytes(target) + 8);
  at = write_target(at, push ? kHead | kPushed : kHead, target);
  at = write32(at, session);
  return static_cast<std::size_t>(write32(at, total) - out);
}

std::size_t write_request_part(char* out, std::uint32_t session, std::size_t bytes, bool last) {
  char* at = write_length(out, 5 + bytes);
  *at++ = static_cast<char>(last ? kLast : kPart);
  return static_cast<std::size_t>(write32(at, session) - out);
}

std::size_t write_trace(char* out, std::size_t tag_bytes) {
  char* at = write_length(out, 1 + tag_bytes);
  *at++ = static_cast<char>(kTrace);
  return static_cast<std::size_t>(at - out);
}

std::size_t write_answer(char* out, std::uint32_t session, AnswerKind kind, std::size_t bytes) {
  char* at = write32(write_length(out, 5 + bytes), session);
  *at++ = static_cast<char>(kind);
  return static_cast<std::size_t>(at - out);
}

std::size_t write_answer_head(char* out, std::uint32_t session, std::uint32_t total) {
  const std::size_t size = write_answer(out, session, AnswerKind::head, 4);
  write32(out + size, total);
  return size + 4;
}

bool may_be_compressed(Protocol protocol, std::string_view head) {
  const auto type = static_cast<std::uint8_t>(head[type_at(protocol)]);
  return protocol == Protocol::requests ? has_payload(type)
                                        : has_data(static_cast<AnswerKind>(type));
}

void mark_compressed(Protocol protocol, char* head, std::size_t head_bytes,
                     std::size_t payload_bytes) {
  write_length(head, head_bytes - kLengthBytes + payload_bytes);
  char& type = head[type_at(protocol)];
  type = static_cast<char>(static_cast<std::uint8_t>(type) | kCompressed);
}

}  // namespace runtime::cluster
