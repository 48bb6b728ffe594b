#include "crypt/text_codec.h"

#include <array>
#include <cstdint>

namespace runtime::crypt {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The place of each byte in `characters`; -1: it is none of them.
constexpr std::array<std::int8_t, 256> places_of(std::string_view characters) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < characters.size(); ++i) {
    table[static_cast<unsigned char>(characters[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}

constexpr std::array<std::int8_t, 256> kHexPlace = places_of(kDigits);
constexpr std::array<std::int8_t, 256> kBase64Place = places_of(kAlphabet);

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

// Four characters that came of one group, as far as they came.
struct Group {
  std::uint32_t bits = 0;
  int characters = 0;
  int padding = 0;

  int seen() const { return characters + padding; }
};

// Writes the bytes of a group; how many, or -1 when the group is wrong. A group may lack its
// padding.
int finish(const Group& group, char* out) {
  if (group.seen() > 4 || group.characters < 2) return -1;
  const int bytes = group.characters - 1;
  const std::uint32_t bits = group.bits << 6 * (4 - group.characters);
  if ((bits & ((1u << 8 * (3 - bytes)) - 1)) != 0) return -1;
  for (int i = 0; i < bytes; ++i) out[i] = static_cast<char>(bits >> (16 - 8 * i));
  return bytes;
}

}  // namespace

void hex_encode(std::string_view bytes, char* out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 15];
  }
}

bool hex_decode(std::string_view text, char* out) {
  int wrong = 0;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = kHexPlace[byte_at(text, i)];
    const int low = kHexPlace[byte_at(text, i + 1)];
    wrong |= high | low;  // -1 sets the sign bit
    *out++ = static_cast<char>((high & 15) << 4 | (low & 15));
  }
  return wrong >= 0;
}

void base64_encode(std::string_view bytes, char* out) {
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const unsigned bits =
        byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
    *out++ = kAlphabet[bits >> 18];
    *out++ = kAlphabet[bits >> 12 & 63];
    *out++ = kAlphabet[bits >> 6 & 63];
    *out++ = kAlphabet[bits & 63];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const unsigned bits = byte_at(bytes, i) << 16 | (rest == 2 ? byte_at(bytes, i + 1) << 8 : 0);
  *out++ = kAlphabet[bits >> 18];
  *out++ = kAlphabet[bits >> 12 & 63];
  *out++ = rest == 2 ? kAlphabet[bits >> 6 & 63] : '=';
  *out++ = '=';
}

std::optional<std::size_t> base64_decode(std::string_view text, char* out) {
  char* const start = out;
  Group group;
  for (const char c : text) {
    const int place = kBase64Place[static_cast<unsigned char>(c)];
    if (place >= 0) {
      if (group.padding > 0) return std::nullopt;  // "YQ=a"
      group.bits = group.bits << 6 | static_cast<unsigned>(place);
      ++group.characters;
    } else if (c == '=') {
      ++group.padding;
    } else {
      continue;
    }
    if (group.seen() < 4) continue;
    const int bytes = finish(group, out);
    if (bytes < 0) return std::nullopt;
    out += bytes;
    group = {};
  }
  if (group.seen() > 0) {
    const int bytes = finish(group, out);
    if (bytes < 0) return std::nullopt;
    out += bytes;
  }
  return out - start;
}

}  // namespace runtime::crypt
