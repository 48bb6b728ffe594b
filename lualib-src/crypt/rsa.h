// RSA with OAEP (RFC 8017, SHA-1 and MGF1 over it), from OpenSSL: what MySQL's servers want passwords
// in.
#pragma once

#include <cstddef>
#include <string_view>

namespace runtime::crypt {

// Of the largest keys that are taken, 16384 bits.
constexpr std::size_t kMaxRsaBytes = 2048;

enum class RsaResult { ok, bad_key, too_long, failed };

// Encrypts `text` with the public key in `pem`. Writes *size bytes to `out`, which has room for
// kMaxRsaBytes. The text may have 42 bytes less than the key.
[[nodiscard]] RsaResult rsa_oaep_encode(std::string_view pem, std::string_view text, char* out,
                                        std::size_t* size) noexcept;

}  // namespace runtime::crypt
