// DES in ECB mode with padding, as the login protocol sends its token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::crypt {

constexpr std::size_t kDesBlock = 8;
constexpr std::size_t kDesKey = 8;

enum class Padding : int {
  iso7816_4 = 0,  // 0x80, then zeros
  pkcs7 = 1,      // n bytes of the value n
};

// The size of the cipher text: there is always at least one byte of padding.
constexpr std::size_t des_encoded_bytes(std::size_t text) {
  return text / kDesBlock * kDesBlock + kDesBlock;
}

// Writes des_encoded_bytes(text.size()) bytes to `out`, which may not overlap `text`. `key` has
// kDesKey bytes. False when this OpenSSL does not offer DES.
[[nodiscard]] bool des_encode(std::string_view key, std::string_view text, Padding padding,
                              char* out) noexcept;

enum class DesResult { ok, bad_padding, unavailable };

// `data` is a multiple of kDesBlock, and not empty. Writes data.size() bytes to `out`; the first
// *size of them are the text.
[[nodiscard]] DesResult des_decode(std::string_view key, std::string_view data, Padding padding,
                                   char* out, std::size_t* size) noexcept;

}  // namespace runtime::crypt
