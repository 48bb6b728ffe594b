#include "json_lexer.h"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "eight_bytes.h"

namespace runtime::json {
namespace {

// A number of one hex digit, or -1.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number of the four hex digits at `at`, or -1.
int hex4(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_high_surrogate(int unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low_surrogate(int unit) { return unit >= 0xdc00 && unit < 0xe000; }

// The character after a backslash -> the byte it stands for; 0 for none.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  table['"'] = '"';
  table['\\'] = '\\';
  table['/'] = '/';
  table['b'] = '\b';
  table['f'] = '\f';
  table['n'] = '\n';
  table['r'] = '\r';
  table['t'] = '\t';
  return table;
}();

// The first byte from `at` on that ends a run of plain characters: a quote, a backslash, a NUL.
const char* skip_plain(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    std::uint64_t block;
    std::memcpy(&block, at, sizeof(block));
    if ((zero_byte(block) | zero_byte(block ^ kOnes * '"') | zero_byte(block ^ kOnes * '\\')) != 0)
      break;
  }
  while (at != end && *at != '"' && *at != '\\' && *at != '\0') ++at;
  return at;
}

// What a decimal number stands for that from_chars() finds out of range: zero or infinity. `from`
// is past the sign.
double out_of_range_value(const char* from, const char* to) {
  // The power of ten of the first digit that counts: positive means too large, as such numbers lie
  // far from 1 in either direction.
  long power = 0;
  bool seen_point = false;
  bool seen_digit = false;
  const char* at = from;
  for (; at != to && *at != 'e' && *at != 'E'; ++at) {
    if (*at == '.') {
      seen_point = true;
    } else if (seen_digit || *at != '0') {
      seen_digit = true;
      if (!seen_point) ++power;
    } else if (seen_point) {
      --power;
    }
  }
  if (at != to) {
    ++at;
    const bool negative = *at == '-';
    if (*at == '-' || *at == '+') ++at;
    long exponent = 0;
    for (; at != to && exponent < 1'000'000'000; ++at) exponent = exponent * 10 + (*at - '0');
    power += negative ? -exponent : exponent;
  }
  return seen_digit && power > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

}  // namespace

const char* Lexer::name_of(Token token) const {
  switch (token) {
    case Token::object_begin: return "T_OBJ_BEGIN";
    case Token::object_end: return "T_OBJ_END";
    case Token::array_begin: return "T_ARR_BEGIN";
    case Token::array_end: return "T_ARR_END";
    case Token::string: return "T_STRING";
    case Token::number:
    case Token::integer: return "T_NUMBER";
    case Token::boolean: return "T_BOOLEAN";
    case Token::null: return "T_NULL";
    case Token::colon: return "T_COLON";
    case Token::comma: return "T_COMMA";
    case Token::end: return "T_END";
    case Token::invalid: return problem_;
  }
  return "";
}

Token Lexer::next() noexcept {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  token_ = at_;
  if (at_ == end_) return kind_ = Token::end;
  switch (*at_) {
    case '{': ++at_; return kind_ = Token::object_begin;
    case '}': ++at_; return kind_ = Token::object_end;
    case '[': ++at_; return kind_ = Token::array_begin;
    case ']': ++at_; return kind_ = Token::array_end;
    case ':': ++at_; return kind_ = Token::colon;
    case ',': ++at_; return kind_ = Token::comma;
    case '"': return kind_ = scan_string();
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
    case '-': return kind_ = scan_number();
    case 't': boolean_ = true; return kind_ = word("true", Token::boolean);
    case 'f': boolean_ = false; return kind_ = word("false", Token::boolean);
    case 'n':
      if (invalid_numbers_ && is_unusual_number(at_)) return kind_ = scan_unusual_number();
      return kind_ = word("null", Token::null);
    case 'N':
    case 'i':
    case 'I':
    case '+':
      if (invalid_numbers_ && is_unusual_number(at_)) return kind_ = scan_unusual_number();
      [[fallthrough]];
    default: return kind_ = fail(at_, "invalid token");
  }
}

Token Lexer::fail(const char* at, const char* problem) {
  token_ = at;
  problem_ = problem;
  return Token::invalid;
}

Token Lexer::word(std::string_view text, Token token) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, text.size()) != text) {
    return fail(at_, "invalid token");
  }
  at_ += text.size();
  return token;
}

// Past the escape at `at`; null (and a failed token) for one that is not valid.
const char* Lexer::scan_escape(const char* at) {
  const char* const backslash = at++;
  if (at != end_ && kEscapes[static_cast<unsigned char>(*at)] != 0) return at + 1;
  if (at == end_ || *at != 'u') {
    fail(backslash, "invalid escape code");
    return nullptr;
  }
  const int unit = hex4(at + 1, end_);
  at += 5;
  bool valid = unit >= 0 && !is_low_surrogate(unit);
  if (valid && is_high_surrogate(unit)) {
    valid = end_ - at >= 6 && at[0] == '\\' && at[1] == 'u' && is_low_surrogate(hex4(at + 2, end_));
    at += 6;
  }
  if (valid) return at;
  fail(backslash, "invalid unicode escape code");
  return nullptr;
}

Token Lexer::scan_string() {
  const char* const from = at_ + 1;
  const char* at = from;
  has_escapes_ = false;
  for (;;) {
    at = skip_plain(at, end_);
    if (at == end_ || *at == '\0') return fail(at, "unexpected end of string");
    if (*at == '"') break;
    has_escapes_ = true;
    at = scan_escape(at);
    if (at == nullptr) return Token::invalid;
  }
  string_ = {from, static_cast<std::size_t>(at - from)};
  at_ = at + 1;
  return Token::string;
}

Token Lexer::scan_number() {
  const char* at = at_;
  const bool negative = *at == '-';
  if (negative) ++at;
  const char* const digits = at;

  // Whole numbers, the usual case.
  std::uint64_t value = 0;
  bool overflow = false;
  for (; at != end_ && is_digit(*at); ++at) {
    const auto digit = static_cast<unsigned>(*at - '0');
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    overflow = overflow || value > (kMax - digit) / 10;
    value = value * 10 + digit;
  }
  const bool leading_zero = at != digits && *digits == '0';
  const bool hexadecimal =
      leading_zero && at == digits + 1 && at != end_ && (*at == 'x' || *at == 'X');
  if (at == digits || hexadecimal) {
    if (invalid_numbers_ || (at == digits && !is_unusual_number(at_))) return scan_unusual_number();
    return fail(at_, "invalid number");
  }
  if (leading_zero && at != digits + 1 && !invalid_numbers_) return fail(at_, "invalid number");
  const bool fraction = at != end_ && (*at == '.' || *at == 'e' || *at == 'E');
  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + negative;
  if (!fraction && !overflow && value <= limit && !(negative && value == 0)) {
    integer_ = static_cast<std::int64_t>(negative ? 0 - value : value);
    at_ = at;
    return Token::integer;
  }

  double number = 0;
  const auto [to, problem] = std::from_chars(digits, end_, number);
  if (problem == std::errc::result_out_of_range) number = out_of_range_value(digits, to);
  return take_number(at_, to, negative ? -number : number);
}

// Whether what stands at `at` is a number only for those who accept invalid ones.
bool Lexer::is_unusual_number(const char* at) const {
  if (*at == '+') return true;
  if (*at == '-' && ++at == end_) return false;
  const std::string_view rest(at, static_cast<std::size_t>(end_ - at));
  const auto begins_with = [&](std::string_view word) {
    if (rest.size() < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if ((rest[i] | 0x20) != word[i]) return false;
    }
    return true;
  };
  return begins_with("inf") || begins_with("nan");
}

// What strtod() takes: signs, hexadecimal, inf, infinity, nan, nan(...), numbers that begin with a
// point.
Token Lexer::scan_unusual_number() {
  const char* from = at_;
  const bool negative = *from == '-';
  if (*from == '-' || *from == '+') ++from;
  if (from == end_ || *from == '-') return fail(at_, "invalid number");
  double number = 0;
  if (end_ - from >= 2 && from[0] == '0' && (from[1] == 'x' || from[1] == 'X')) {
    const char* digits = from + 2;
    if (digits != end_ && *digits == '.') ++digits;
    // Without a digit, the x does not belong to the number.
    if (digits == end_ || hex_digit(*digits) < 0)
      return take_number(at_, from + 1, negative ? -0.0 : 0.0);
    const auto [to, problem] = std::from_chars(from + 2, end_, number, std::chars_format::hex);
    if (problem == std::errc::result_out_of_range) number = std::numeric_limits<double>::infinity();
    return take_number(at_, to, negative ? -number : number);
  }
  const auto [to, problem] = std::from_chars(from, end_, number);
  if (problem == std::errc::invalid_argument) return fail(at_, "invalid number");
  if (problem == std::errc::result_out_of_range) number = out_of_range_value(from, to);
  return take_number(at_, to, negative ? -number : number);
}

Token Lexer::take_number(const char* from, const char* number_end, double number) {
  token_ = from;
  at_ = number_end;
  number_ = number;
  return Token::number;
}

std::size_t unescape(std::string_view raw, char* out) noexcept {
  const char* at = raw.data();
  const char* const end = at + raw.size();
  char* const begin = out;
  while (at != end) {
    const auto* found =
        static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(end - at)));
    const char* const backslash = found != nullptr ? found : end;
    std::memcpy(out, at, static_cast<std::size_t>(backslash - at));
    out += backslash - at;
    if (backslash == end) break;
    at = backslash + 2;
    if (backslash[1] != 'u') {
      *out++ = kEscapes[static_cast<unsigned char>(backslash[1])];
      continue;
    }
    auto code = static_cast<std::uint32_t>(hex4(at, end));
    at += 4;
    if (is_high_surrogate(static_cast<int>(code))) {
      const auto low = static_cast<std::uint32_t>(hex4(at + 2, end));
      code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
      at += 6;
    }
    if (code < 0x80) {
      *out++ = static_cast<char>(code);
    } else if (code < 0x800) {
      *out++ = static_cast<char>(0xc0 | code >> 6);
      *out++ = static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      *out++ = static_cast<char>(0xe0 | code >> 12);
      *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
      *out++ = static_cast<char>(0x80 | (code & 0x3f));
    } else {
      *out++ = static_cast<char>(0xf0 | code >> 18);
      *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
      *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
      *out++ = static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return static_cast<std::size_t>(out - begin);
}

}  // namespace runtime::json
