// Bytes as text: hexadecimal and base64 (RFC 4648).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace runtime::crypt {

// Writes 2 * bytes.size() lower-case digits.
void hex_encode(std::string_view bytes, char* out);

// Writes text.size() / 2 bytes. False for anything but 0-9 and a-f. `text` has an even size.
[[nodiscard]] bool hex_decode(std::string_view text, char* out);

constexpr std::size_t base64_encoded_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }
constexpr std::size_t base64_decoded_bytes_at_most(std::size_t text) { return text / 4 * 3 + 3; }

// Writes base64_encoded_bytes(bytes.size()) characters, padded with '='.
void base64_encode(std::string_view bytes, char* out);

// Decodes groups of four characters; each may be padded, so texts may be joined. Characters outside
// the alphabet are skipped, '=' may be missing at the end. Gives the number of bytes written;
// nothing when a group has fewer than two characters, '=' stands before another character, or bits
// that no byte uses are not 0.
std::optional<std::size_t> base64_decode(std::string_view text, char* out);

}  // namespace runtime::crypt
