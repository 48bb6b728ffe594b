// The packets that cluster nodes exchange.
//
// Each packet is two bytes of length, high byte first, and a body of so many bytes. The numbers in a body
// have their low byte first. A message of kPartBytes or more travels as a head and parts.
//
//   request  00 handle:4 session:4 payload          80 n:1 name:n session:4 payload      session 0: a push
//   head     01 handle:4 session:4 total:4          81 n:1 name:n session:4 total:4      41, c1: of a push
//   part     02 session:4 bytes                     03 session:4 bytes: the last one
//   trace    04 tag                                 of the request that comes next
//   answer   session:4 kind:1 data                  kind: AnswerKind
//
// Between nodes that have agreed on it (compression.h) the payload of a request, a part or an answer may be
// compressed: 0x20 is added to its first byte or its kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::cluster {

constexpr std::size_t kPartBytes = 0x8000;
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kMaxName = 255;
// The largest packet without its payload: a head by name.
constexpr std::size_t kMaxHead = kLengthBytes + 2 + kMaxName + 8;
constexpr std::size_t kPartHead = kLengthBytes + 5;
// Sums are 31 bits.
constexpr std::size_t kMaxTotal = 0x7fffffff;

// Whom a request is for: the name, unless that is empty.
struct Target {
  std::uint32_t handle = 0;
  bool named = false;
  std::string_view name;
};

// Whether packets may have compressed payloads.
enum class Payloads { plain, maybe_compressed };

struct Request {
  enum class Kind { whole, head, part, last, trace };
  Kind kind = Kind::whole;
  bool push = false;
  Target target;              // whole, head
  std::uint32_t session = 0;  // all but trace
  std::uint32_t total = 0;    // head
  std::string_view payload;   // whole, part, last; trace: the tag
  bool compressed = false;    // the payload
};

enum class RequestFault { none, empty, short_request, short_part, unknown_type };

// What `body` says; the views in `request` point into it.
RequestFault parse_request(std::string_view body, Request* request,
                           Payloads payloads = Payloads::plain);
// Why a body was refused, as skynet says it.
const char* text_of(RequestFault fault);

enum class AnswerKind : std::uint8_t { error = 0, ok = 1, head = 2, part = 3, last = 4 };

struct Answer {
  std::uint32_t session = 0;
  AnswerKind kind = AnswerKind::error;
  std::uint32_t total = 0;  // head
  std::string_view data;    // all but head
  bool compressed = false;  // the data
};

// False: these bytes are no answer.
bool parse_answer(std::string_view body, Answer* answer, Payloads payloads = Payloads::plain);

// ---- writing: each gives the number of bytes written to `out`, which has room for kMaxHead bytes ----

// What comes before `payload_bytes` bytes (fewer than kPartBytes) of a request.
std::size_t write_request(char* out, const Target& target, std::uint32_t session,
                          std::size_t payload_bytes);
std::size_t write_request_head(char* out, const Target& target, std::uint32_t session,
                               std::uint32_t total, bool push);
std::size_t write_request_part(char* out, std::uint32_t session, std::size_t bytes, bool last);
std::size_t write_trace(char* out, std::size_t tag_bytes);
// What comes before the data of an answer that is no head.
std::size_t write_answer(char* out, std::uint32_t session, AnswerKind kind, std::size_t bytes);
std::size_t write_answer_head(char* out, std::uint32_t session, std::uint32_t total);

// Whose packets a link sends.
enum class Protocol { requests, answers };

// Whether the payload after such a beginning of a packet may be compressed.
bool may_be_compressed(Protocol protocol, std::string_view head);
// Makes this beginning of a packet that of one with so many bytes of compressed payload.
void mark_compressed(Protocol protocol, char* head, std::size_t head_bytes,
                     std::size_t payload_bytes);

}  // namespace runtime::cluster
