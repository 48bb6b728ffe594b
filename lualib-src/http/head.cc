#include "http/head.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace runtime::http {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kMaxChunkDigits = 128;
constexpr std::size_t kMaxChunkLine = 1024;
constexpr std::uint64_t kMaxChunk = std::uint64_t{1}
                                    << 53;  // what every number of Lua counts exactly

// ASCII only, whatever the locale says.
bool is_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

// The characters of a token (RFC 9110 5.6.2), as a table: a name is looked at byte by byte.
constexpr std::array<bool, 256> token_table() {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = token_table();

bool is_token_char(char c) { return kToken[static_cast<unsigned char>(c)]; }

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

// Whether the text of a version is `HTTP/` digit point digit.
bool is_exact_version(std::string_view text) {
  return text.size() == 8 && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Takes what stands between the size of a chunk and the end of its line from the front of `text`:
// blanks, and extensions `; name` or `; name = value`, the value a token or in quotes. What is left is
// the line's end, or nothing when the text may go on, or what does not belong there.
class ChunkExtensionReader {
 public:
  explicit ChunkExtensionReader(std::string_view text) : text_(text) {}

  std::string_view rest() {
    skip_blanks(text_);
    while (take(';')) {
      skip_blanks(text_);
      if (!take_token()) return text_;
      skip_blanks(text_);
      if (!take('=')) continue;
      skip_blanks(text_);
      if (!(take('"') ? take_quoted() : take_token())) return text_;
      skip_blanks(text_);
    }
    return text_;
  }

 private:
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  // An empty one is right only where the text ends: it may still come.
  bool take_token() {
    std::size_t n = 0;
    while (n < text_.size() && is_token_char(text_[n])) ++n;
    text_.remove_prefix(n);
    if (n > 0 || text_.empty()) return true;
    return bad();
  }

  // What follows the opening quote, with the closing one.
  bool take_quoted() {
    while (!text_.empty() && !take('"')) {
      take('\\');
      if (text_.empty()) break;
      if (is_control(text_.front()) && text_.front() != '\t') return bad();
      text_.remove_prefix(1);
      if (text_.empty()) break;
    }
    return true;
  }

  // Leaves what is no line's end, whatever the text is at this place.
  bool bad() {
    text_ = "bad";
    return false;
  }

  std::string_view text_;
};

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
  const bool exact = url.size() == last - 1 && line.front() == ' ' && line[last] == ' ' &&
                     is_exact_version(line.substr(last + 1)) && !url.empty() &&
                     std::none_of(url.begin(), url.end(), [](char c) { return is_blank(c); });
  return RequestLine{method, url, *version, exact};
}

std::optional<StatusLine> parse_status_line(std::string_view line) {
  constexpr std::size_t kVersion = 8;  // bytes of `HTTP/1.1`
  constexpr std::size_t kStart = 12;   // and of ` 200`
  if (!fits_line(line) || line.size() < kStart || line[kVersion] != ' ') return std::nullopt;
  std::string_view word = line.substr(0, kVersion);
  if (!is_exact_version(word)) return std::nullopt;
  const std::optional<double> version = take_version(word);
  if (!version) return std::nullopt;
  line.remove_prefix(kVersion + 1);
  const std::string_view digits = take_digits(line);
  if (digits.size() != 3 || digits.front() == '0') return std::nullopt;
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
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return kBad;
  std::string_view value = line.substr(colon + 1);
  skip_blanks(value);
  return {Field::Kind::pair, line.substr(0, colon), value};
}

FieldUse use_of_field(std::string_view name) {
  constexpr std::string_view kFraming[] = {"content-length", "host", "transfer-encoding"};
  constexpr std::string_view kHead[] = {
      "authorization", "connection",          "content-encoding",
      "content-range", "content-type",        "cookie",
      "expect",        "set-cookie",          "te",
      "upgrade",       "proxy-authorization",
  };
  const auto is_name = [name](std::string_view other) { return other == name; };
  if (std::any_of(std::begin(kFraming), std::end(kFraming), is_name)) return FieldUse::framing;
  if (std::any_of(std::begin(kHead), std::end(kHead), is_name)) return FieldUse::head;
  return FieldUse::other;
}

void lower_case(std::string_view name, char* out) {
  for (const char c : name) *out++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

ChunkLine parse_chunk_line(std::string_view bytes, ChunkExtensions extensions) {
  constexpr ChunkLine kBad{ChunkLine::Kind::bad, 0, 0};
  constexpr ChunkLine kIncomplete{ChunkLine::Kind::incomplete, 0, 0};
  bytes = bytes.substr(0, kMaxChunkLine);
  std::uint64_t size = 0;
  std::size_t n = 0;
  for (; n < bytes.size(); ++n) {
    const int digit = hex_digit(bytes[n]);
    if (digit < 0) break;
    if (n == kMaxChunkDigits) return kBad;
    size = size * 16 + static_cast<unsigned>(digit);
    if (size > kMaxChunk) return kBad;
  }
  std::string_view rest = bytes.substr(n);
  if (n == 0) return rest.empty() ? kIncomplete : kBad;
  if (extensions == ChunkExtensions::skipped && rest.substr(0, kLineEnd.size()) != kLineEnd) {
    rest = ChunkExtensionReader(rest).rest();
  }
  // What is left may only be the line's end, which may still be on its way.
  const std::string_view end = rest.substr(0, kLineEnd.size());
  if (end != kLineEnd.substr(0, end.size())) return kBad;
  if (end.size() < kLineEnd.size()) return bytes.size() == kMaxChunkLine ? kBad : kIncomplete;
  return {ChunkLine::Kind::size, size, bytes.size() - rest.size() + kLineEnd.size()};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool fits_line(std::string_view text) {
  // Without a way out in the loop it is done for many bytes at once.
  bool fits = true;
  for (const char c : text) {
    const bool bad = static_cast<unsigned char>(c) < ' ' && c != '\t';
    fits = fits & !bad & (c != '\x7f');
  }
  return fits;
}

}  // namespace runtime::http
