// Heads of HTTP/1 messages: what stands before the body, and the size lines of a chunked body.
//
// Everything here looks at bytes that the caller holds and gives views into them. Nothing is
// copied, nothing is kept, no function reads past the end of what it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace runtime::http {

// The size of the head at the start of `bytes`, with the empty line that ends it; 0 while that line
// has not come. A head without any line is an empty line at once.
std::size_t head_size(std::string_view bytes);

// The first line of `head`, without its end. Takes it and its end away from `head`.
std::string_view take_line(std::string_view& head);

struct RequestLine {
  std::string_view method;  // letters
  std::string_view url;     // as it came; may be empty or hold blanks
  double version;           // 1.1
};

// `letters SP url SP HTTP/number`, or nothing. A run of blanks or tabs counts as one.
std::optional<RequestLine> parse_request_line(std::string_view line);

struct StatusLine {
  int code;
  std::string_view reason;  // empty when there is none
  double version;
};

// `HTTP/number SP digits [SP reason]`, or nothing.
std::optional<StatusLine> parse_status_line(std::string_view line);

struct Field {
  enum class Kind {
    pair,          // name and value
    continuation,  // `value` is to be appended to the value of the field before
    bad,           // no colon, or a byte that may not stand in a line: CR, LF, NUL
  };
  Kind kind;
  std::string_view name;   // in any case, may be empty
  std::string_view value;  // without leading blanks
};

// One header line, without its end.
Field parse_field(std::string_view line);

// Writes `name` in lower case (ASCII letters only) to `out`, which has room for it.
void lower_case(std::string_view name, char* out);

struct ChunkLine {
  enum class Kind { size, incomplete, bad };
  Kind kind;
  std::uint64_t size;  // of the data that follows; at most 2^53
  std::size_t length;  // of the line, with its end
};

// The line in front of a chunk's data: plain hex digits, in all at most 128 bytes.
ChunkLine parse_chunk_line(std::string_view bytes);

// Whether a text can be written into a head as part of one line.
bool fits_line(std::string_view text);

}  // namespace runtime::http
