// BSON documents of tests, written the way MongoDB's shell has them:
//
//   bson("{_id: 1, a: [2.5, 'x', 5L, null, true], b: {c: /^x/i}, d: date(1000), n: NaN, o: oid('...')}")
//
// 1 is an int32 (an int64 where it must be), 5L an int64, 1.0 a double; dec(DIGITS, EXPONENT) a decimal128;
// minkey, maxkey, ts(SECONDS, COUNT), bin('text') and code('text') are there as well.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

#include "bson/object_id.h"
#include "docstore/document/value.h"

namespace runtime::document {

class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}

  std::string document() {
    const std::size_t root = writer_.open();
    elements('{', '}');
    writer_.close(root);
    EXPECT_EQ(next(), '\0') << "behind the end: " << text_;
    return std::string(writer_.bytes());
  }

 private:
  char next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool skip(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  void want(char c) {
    if (!skip(c)) {
      ADD_FAILURE() << "no " << c << " at " << at_ << " of " << text_;
      at_ = text_.size();
    }
  }

  std::string quoted() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) out += text_[at_++];
    ++at_;
    return out;
  }
  std::string word() {
    std::string out;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  std::strchr("_$.+-", text_[at_]) != nullptr)) {
      out += text_[at_++];
    }
    return out;
  }
  std::string name() {
    const char c = next();
    return c == '\'' || c == '"' ? quoted() : word();
  }

  void elements(char open, char close) {
    want(open);
    bson::ArrayKey index;
    while (!skip(close) && at_ < text_.size()) {
      if (open == '{') {
        const std::string key = name();
        want(':');
        value(key);
      } else {
        value(index.next());
      }
      if (!skip(',')) {
        want(close);
        break;
      }
    }
  }

  void value(std::string_view key) {
    const char c = next();
    if (c == '{' || c == '[') {
      const std::size_t opened = writer_.open(c == '{' ? Type::document : Type::array, key);
      elements(c, c == '{' ? '}' : ']');
      return writer_.close(opened);
    }
    if (c == '\'' || c == '"') return writer_.string(key, quoted());
    if (c == '/') {
      const std::string pattern = quoted();
      return writer_.regex(key, pattern, word());
    }
    const std::string text = word();
    if (skip('(')) return call(key, text);
    if (text == "null") return writer_.raw(Type::null, key, {});
    if (text == "minkey") return writer_.raw(Type::min_key, key, {});
    if (text == "maxkey") return writer_.raw(Type::max_key, key, {});
    if (text == "true" || text == "false") return writer_.boolean(key, text == "true");
    number(key, text);
  }

  void number(std::string_view key, const std::string& text) {
    if (text.ends_with('L')) return writer_.int64(key, std::stoll(text));
    if (text.find_first_not_of("-0123456789") != std::string::npos) {
      return writer_.real(key, std::strtod(text.c_str(), nullptr));
    }
    const std::int64_t number = std::stoll(text);
    const auto small = static_cast<std::int32_t>(number);
    small == number ? writer_.int32(key, small) : writer_.int64(key, number);
  }

  void call(std::string_view key, const std::string& kind) {
    const std::string first = name();
    const std::string second = skip(',') ? (next(), word()) : std::string();
    want(')');
    if (kind == "date") return writer_.date(key, std::stoll(first));
    if (kind == "bin") return writer_.binary(key, 0, first);
    if (kind == "oid") {
      char id[bson::kObjectIdBytes];
      EXPECT_TRUE(bson::parse_object_id(first, id)) << first;
      return writer_.raw(Type::object_id, key, {id, sizeof id});
    }
    if (kind == "code") return writer_.raw(Type::code, key, OwnedValue::string(first).bytes());
    if (kind == "ts") {
      const std::uint64_t stamp = std::stoull(first) << 32 | std::stoull(second);
      return writer_.raw(Type::timestamp, key,
                         {reinterpret_cast<const char*>(&stamp), sizeof stamp});
    }
    if (kind == "dec") {
      const bool negative = first.starts_with('-');
      std::uint64_t parts[2] = {std::stoull(negative ? first.substr(1) : first), 0};
      parts[1] = static_cast<std::uint64_t>(std::stoi(second) + 6176) << 49;
      if (negative) parts[1] |= std::uint64_t{1} << 63;
      return writer_.raw(Type::decimal128, key,
                         {reinterpret_cast<const char*>(parts), sizeof parts});
    }
    ADD_FAILURE() << "no kind of value: " << kind;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bson::Writer writer_;
};

inline std::string bson(std::string_view text) { return TextReader(text).document(); }

// The value of a text, and its bytes.
inline OwnedValue value(const std::string& text) {
  const std::string document = bson("{v: " + text + "}");
  return OwnedValue(field(document, "v"));
}

inline std::string shown(std::string_view document) {
  return to_text(document_value(document), 10000);
}

// Compares documents byte for byte, and shows them when they differ.
#define EXPECT_DOCUMENT(got, expected)                                          \
  do {                                                                          \
    const std::string got_bytes(got), want_bytes = bson(expected);              \
    EXPECT_EQ(shown(got_bytes), shown(want_bytes));                             \
    EXPECT_TRUE(got_bytes == want_bytes) << "the bytes differ in " << expected; \
  } while (0)

}  // namespace runtime::document
