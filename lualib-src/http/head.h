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
  // Whether two readers can see one request in it only: one blank (no tab) each side of a url that
  // holds no blank and no control character, and a version of one digit, a point and one digit.
  bool exact;
};

// `letters SP url SP HTTP/number`, or nothing. A run of blanks or tabs counts as one.
std::optional<RequestLine> parse_request_line(std::string_view line);

struct StatusLine {
  int code;                 // 100 to 999
  std::string_view reason;  // empty when there is none
  double version;
};

// `HTTP/digit.digit SP three digits [SP reason]`, or nothing.
std::optional<StatusLine> parse_status_line(std::string_view line);

struct Field {
  enum class Kind {
    pair,          // name and value
    continuation,  // `value` is to be appended to the value of the field before
    bad,           // no colon, a name that is no token, or a control character other than a tab
  };
  Kind kind;
  std::string_view name;   // a token, in any case
  std::string_view value;  // without leading blanks
};

// One header line, without its end.
Field parse_field(std::string_view line);

// What a reader knows of a field that matters to it.
enum class FieldUse {
  other,
  framing,  // says where the body ends or for whom it is; may not be folded
  head,  // may stand in a head, but not in a trailer, which comes too late for it (RFC 9110 6.5.1)
};

// `name` in lower case. Every framing field is one of a head, too.
FieldUse use_of_field(std::string_view name);

// Writes `name` in lower case (ASCII letters only) to `out`, which has room for it.
void lower_case(std::string_view name, char* out);

struct ChunkLine {
  enum class Kind { size, incomplete, bad };
  Kind kind;
  std::uint64_t size;  // of the data that follows; at most 2^53
  std::size_t length;  // of the line, with its end
};

enum class ChunkExtensions { refused, skipped };

// The line in front of a chunk's data: plain hex digits, then, when they are skipped, blanks and
// extensions (RFC 9112 7.1.1). At most 128 digits, and 1024 bytes in all.
ChunkLine parse_chunk_line(std::string_view bytes, ChunkExtensions extensions);

// Whether `text` is a token of RFC 9110, as names of fields are: not empty; letters, digits and some
// punctuation of ASCII.
bool is_token(std::string_view text);

// Whether a text can be written into a head as part of one line: no control character but the tab.
bool fits_line(std::string_view text);

}  // namespace runtime::http
