#include "json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "eight_bytes.h"

namespace runtime::json {
namespace {

constexpr std::size_t kLongestEscape = 6;  // \u001f

// What stands for a byte in a string: nothing for itself, a letter for \letter, 'u' for \u00XX.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 0x20; ++c) table[static_cast<std::size_t>(c)] = 'u';
  table[0x7f] = 'u';
  table['"'] = '"';
  table['\\'] = '\\';
  table['/'] = '/';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  return table;
}();

// Whether one of eight bytes may need an escape.
constexpr bool needs_escape(std::uint64_t block) {
  const std::uint64_t control = (block - kOnes * 0x20) & ~block & kHighs;
  return (control | zero_byte(block ^ kOnes * '"') | zero_byte(block ^ kOnes * '\\') |
          zero_byte(block ^ kOnes * '/') | zero_byte(block ^ kOnes * 0x7f)) != 0;
}

}  // namespace

Writer::~Writer() { std::free(data_); }

void Writer::release() noexcept {
  std::free(data_);
  data_ = nullptr;
  size_ = capacity_ = 0;
}

void Writer::grow(std::size_t more) {
  const std::size_t wanted = std::max({std::size_t{256}, capacity_ * 2, size_ + more});
  void* const block = std::realloc(data_, wanted);
  if (block == nullptr) {
    if (fail_ != nullptr) fail_(argument_);
    std::fputs("out of memory: no room for a JSON text\n", stderr);
    std::abort();
  }
  data_ = static_cast<char*>(block);
  capacity_ = wanted;
}

void Writer::string(std::string_view text, bool escape_slash) {
  // Room for the text without escapes; each escape asks for its own.
  char* out = room(text.size() + 2);
  *out++ = '"';
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    for (; end - at >= 8; at += 8, out += 8) {
      std::uint64_t block;
      std::memcpy(&block, at, sizeof(block));
      if (needs_escape(block)) break;
      std::memcpy(out, &block, sizeof(block));
    }
    // The rest of the text, or of a block with an escape.
    const char* const stop = end - at > 8 ? at + 8 : end;
    for (; at != stop; ++at) {
      const auto c = static_cast<unsigned char>(*at);
      const char escape = kEscapes[c];
      if (escape == 0 || (escape == '/' && !escape_slash)) {
        *out++ = *at;
        continue;
      }
      size_ = static_cast<std::size_t>(out - data_);
      out = room(kLongestEscape + static_cast<std::size_t>(end - at) + 1);
      *out++ = '\\';
      *out++ = escape;
      if (escape == 'u') {
        static constexpr char kHex[] = "0123456789abcdef";
        *out++ = '0';
        *out++ = '0';
        *out++ = kHex[c >> 4];
        *out++ = kHex[c & 15];
      }
    }
    if (at == end) break;
  }
  *out++ = '"';
  size_ = static_cast<std::size_t>(out - data_);
}

void Writer::integer(std::int64_t value) {
  constexpr std::size_t kLongest = sizeof("-9223372036854775808");
  char* const out = room(kLongest);
  size_ = static_cast<std::size_t>(std::to_chars(out, out + kLongest, value).ptr - data_);
}

void Writer::number(double value, int precision) {
  if (std::isnan(value)) return raw("nan");
  if (std::isinf(value)) return raw(value < 0 ? "-inf" : "inf");
  constexpr std::size_t kLongest = 40;  // sign, 17 digits and a point, up to four zeros, e-308
  char* const out = room(kLongest);
  const auto end = std::to_chars(out, out + kLongest, value, std::chars_format::general, precision);
  size_ = static_cast<std::size_t>(end.ptr - data_);
}

}  // namespace runtime::json
