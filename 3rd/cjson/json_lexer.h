// Cuts a JSON text into tokens.
//
// Accepts what lua-cjson accepts: any bytes but NUL inside of strings, and, on demand, numbers that
// JSON does not know (hexadecimal, inf, nan, a leading + or 0). A NUL byte between tokens is an
// invalid token.
//
// Nothing is allocated; the text must outlive the lexer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::json {

enum class Token : unsigned char {
  object_begin,
  object_end,
  array_begin,
  array_end,
  string,
  number,  // one that is no whole number, or is too large for one
  integer,
  boolean,
  null,
  colon,
  comma,
  end,
  invalid,
};

class Lexer {
 public:
  Lexer(std::string_view text, bool invalid_numbers)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        invalid_numbers_(invalid_numbers) {}

  Token next() noexcept;

  // Of the last token: where it begins, from 0; for an invalid one, where what is wrong with it
  // begins.
  std::size_t position() const { return static_cast<std::size_t>(token_ - begin_); }

  // Its name in error messages; for an invalid token, what is wrong with it.
  const char* name() const { return name_of(kind_); }

  // The values of string, number, integer and boolean. A string's bytes are those of the text; when
  // it has escapes, unescape() gives the real ones.
  std::string_view string() const { return string_; }
  bool has_escapes() const { return has_escapes_; }
  double number() const { return number_; }
  std::int64_t integer() const { return integer_; }
  bool boolean() const { return boolean_; }

 private:
  const char* name_of(Token token) const;
  Token fail(const char* at, const char* problem);
  Token word(std::string_view text, Token token);
  Token scan_string();
  const char* scan_escape(const char* at);
  Token scan_number();
  Token scan_unusual_number();
  bool is_unusual_number(const char* at) const;
  Token take_number(const char* from, const char* number_end, double number);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* token_ = nullptr;
  const char* problem_ = nullptr;
  std::string_view string_;
  double number_ = 0;
  std::int64_t integer_ = 0;
  Token kind_ = Token::end;
  bool boolean_ = false;
  bool has_escapes_ = false;
  const bool invalid_numbers_;
};

// Writes the bytes that the contents of a string token stand for, at most raw.size(), and returns
// how many.
std::size_t unescape(std::string_view raw, char* out) noexcept;

}  // namespace runtime::json
