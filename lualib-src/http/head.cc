#include "http/head.h"

#include <algorithm>
#include <cstring>

namespace runtime::http {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kMaxChunkLine = 128;
constexpr std::uint64_t kMaxChunk = std::uint64_t{1}
                                    << 53;  // what every number of Lua counts exactly

// ASCII only, whatever the locale says.
bool is_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

std::string_view take_digits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  const std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

// `HTTP/` and a number of at most 15 digits with or without a point, taken from the front of
// `text`. The number divided once gives the same double as the literal: 11 / 10 is 1.1.
std::optional<double> take_version(std::string_view& text) {
  constexpr std::string_view kName = "HTTP/";
  if (text.substr(0, kName.size()) != kName) return std::nullopt;
  text.remove_prefix(kName.size());
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty()) return std::nullopt;
  }
  if (whole.empty() || whole.size() + fraction.size() > 15) return std::nullopt;
  double number = 0;
  double scale = 1;
  for (const char c : whole) number = number * 10 + (c - '0');
  for (const char c : fraction) {
    number = number * 10 + (c - '0');
    scale *= 10;
  }
  return number / scale;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::size_t head_size(std::string_view bytes) {
  if (bytes.empty()) return 0;  // perhaps without an address, which memmem must not be given
  if (bytes.substr(0, kLineEnd.size()) == kLineEnd) return kLineEnd.size();
  const void* end = memmem(bytes.data(), bytes.size(), "\r\n\r\n", 4);
  return end == nullptr
             ? 0
             : static_cast<std::size_t>(static_cast<const char*>(end) - bytes.data()) + 4;
}

std::string_view take_line(std::string_view& head) {
  const std::size_t end = head.find(kLineEnd);
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(end == std::string_view::npos ? head.size() : end + kLineEnd.size());
  return line;
}

std::optional<RequestLine> parse_request_line(std::string_view line) {
  if (!fits_line(line)) return std::nullopt;
  std::size_t letters = 0;
  while (letters < line.size() && is_letter(line[letters])) ++letters;
  const std::string_view method = line.substr(0, letters);
  line.remove_prefix(letters);
  if (method.empty() || line.empty() || !is_blank(line.front())) return std::nullopt;

  // The version is the last word; what lies between is the url, even if it holds blanks.
  const std::size_t last = line.find_last_of(" \t");
  std::string_view word = line.substr(last + 1);
  const std::optional<double> version = take_version(word);
  if (!version || !word.empty() || last == 0) return std::nullopt;
  std::string_view url = line.substr(0, last);
  skip_blanks(url);
  while (!url.empty() && is_blank(url.back())) url.remove_suffix(1);
  return RequestLine{method, url, *version};
}

std::optional<StatusLine> parse_status_line(std::string_view line) {
  if (!fits_line(line)) return std::nullopt;
  const std::optional<double> version = take_version(line);
  if (!version || line.empty() || !is_blank(line.front())) return std::nullopt;
  skip_blanks(line);
  const std::string_view digits = take_digits(line);
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  if (!line.empty() && !is_blank(line.front())) return std::nullopt;
  int code = 0;
  for (const char c : digits) code = code * 10 + (c - '0');
  skip_blanks(line);
  return StatusLine{code, line, *version};
}

Field parse_field(std::string_view line) {
  constexpr Field kBad{Field::Kind::bad, {}, {}};
  if (!fits_line(line)) return kBad;
  if (!line.empty() && line.front() == '\t') return {Field::Kind::continuation, {}, line.substr(1)};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return kBad;
  std::string_view value = line.substr(colon + 1);
  skip_blanks(value);
  return {Field::Kind::pair, line.substr(0, colon), value};
}

void lower_case(std::string_view name, char* out) {
  for (const char c : name) *out++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

ChunkLine parse_chunk_line(std::string_view bytes) {
  constexpr ChunkLine kBad{ChunkLine::Kind::bad, 0, 0};
  constexpr ChunkLine kIncomplete{ChunkLine::Kind::incomplete, 0, 0};
  std::uint64_t size = 0;
  std::size_t n = 0;
  for (; n < bytes.size(); ++n) {
    const int digit = hex_digit(bytes[n]);
    if (digit < 0) break;
    if (n == kMaxChunkLine) return kBad;
    size = size * 16 + static_cast<unsigned>(digit);
    if (size > kMaxChunk) return kBad;
  }
  // What follows the digits may only be the line's end, which may still be on its way.
  const std::string_view end = bytes.substr(n, kLineEnd.size());
  if (end != kLineEnd.substr(0, end.size())) return kBad;
  if (end.size() < kLineEnd.size()) return n == 0 && !end.empty() ? kBad : kIncomplete;
  if (n == 0) return kBad;
  return {ChunkLine::Kind::size, size, n + kLineEnd.size()};
}

bool fits_line(std::string_view text) {
  // Nearly every byte is above CR, so that one comparison settles it.
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= '\r' && (c == '\r' || c == '\n' || c == '\0');
  });
}

}  // namespace runtime::http
