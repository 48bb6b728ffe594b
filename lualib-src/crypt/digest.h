// MD5, SHA-1 and SHA-256, and HMAC and PBKDF2 over them, from OpenSSL.
//
// Threads: any. What OpenSSL needs to look up and allocate is done once per process and once per
//          thread:
// that costs more than hashing a few short texts, as logins and database handshakes do.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace runtime::crypt {

enum class Digest { md5, sha1, sha256 };

constexpr std::size_t kMd5Bytes = 16;
constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kSha256Bytes = 32;
constexpr std::size_t kMaxDigestBytes = 32;

constexpr std::size_t digest_bytes(Digest kind) {
  if (kind == Digest::md5) return kMd5Bytes;
  return kind == Digest::sha1 ? kSha1Bytes : kSha256Bytes;
}

// Writes the digest of the joined `parts`. False when this OpenSSL does not offer it (a FIPS
// set-up).
[[nodiscard]] bool digest(Digest kind, std::initializer_list<std::string_view> parts,
                          char* out) noexcept;

// RFC 2104. `key` may have any length.
[[nodiscard]] bool hmac(Digest kind, std::string_view key, std::string_view text,
                        char* out) noexcept;

// RFC 8018, PBKDF2 with HMAC: as many bytes as the digest has. `rounds` is 1 or more; it takes about a second for
// each million of them.
[[nodiscard]] bool pbkdf2(Digest kind, std::string_view password, std::string_view salt, int rounds,
                          char* out) noexcept;

}  // namespace runtime::crypt
