// The packets of both directions, with any bytes in any pieces: the reader of requests and the parser of answers
// stay within what came, keep to their budget, and what is written is read back as it was.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cluster/frame.h"
#include "cluster/packed_reader.h"
#include "cluster/request_reader.h"
#include "cluster/splitter.h"

namespace {

using namespace runtime::cluster;

void check(bool condition) {
  if (!condition) std::abort();
}

// A whole request that was read is written again, and must come out the same.
void write_again(std::string_view body) {
  Request request;
  if (parse_request(body, &request) != RequestFault::none) return;
  char head[kMaxHead];
  std::size_t size = 0;
  switch (request.kind) {
    case Request::Kind::whole:
      size = write_request(head, request.target, request.session, request.payload.size());
      break;
    case Request::Kind::head:
      size = write_request_head(head, request.target, request.session, request.total, request.push);
      break;
    case Request::Kind::trace: size = write_trace(head, request.payload.size()); break;
    default:
      size = write_request_part(head, request.session, request.payload.size(),
                                request.kind == Request::Kind::last);
  }
  check(size <= kMaxHead);
  const std::string again = std::string(head, size).append(request.payload);
  check(again.size() == kLengthBytes + body.size());
  check(again.compare(kLengthBytes, body.size(), body) == 0);
}

void read_answer(std::string_view body) {
  Answer answer;
  if (!parse_answer(body, &answer)) return;
  char head[kMaxHead];
  std::string again;
  if (answer.kind == AnswerKind::head) {
    again.assign(head, write_answer_head(head, answer.session, answer.total));
  } else {
    again.assign(head, write_answer(head, answer.session, answer.kind, answer.data.size()));
    again.append(answer.data);
  }
  check(again.compare(kLengthBytes, again.npos, body) == 0);
}

}  // namespace

// Input: one byte, the size of the pieces in which the rest comes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = data[0] + 1u;
  const std::string_view stream(reinterpret_cast<const char*>(data + 1), size - 1);
  RequestReader reader(4096);
  Splitter splitter;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    splitter.feed(stream.substr(at, piece), [&](std::string_view body) {
      write_again(body);
      read_answer(body);
      RequestReader::Event event = reader.read(body);
      check(event.payload.size <= stream.size());
      check(event.kind == RequestReader::Event::Kind::request || event.payload.data == nullptr);
      std::free(event.payload.data);
      check(reader.unfinished() <= RequestReader::kMaxUnfinished);
      return true;
    });
  }
  PackedReader values(stream);
  std::string_view text;
  std::int64_t number;
  void* pointer;
  while (values.string(&text) || values.integer(&number) || values.pointer(&pointer)) {
  }
  return 0;
}
