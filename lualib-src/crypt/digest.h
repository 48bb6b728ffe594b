// MD5 and SHA-1, and HMAC over them, from OpenSSL.
//
// Threads: any. What OpenSSL needs to look up and allocate is done once per process and once per
//          thread:
// that costs more than hashing a few short texts, as logins and database handshakes do.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace runtime::crypt {

enum class Digest { md5, sha1 };

constexpr std::size_t kMd5Bytes = 16;
constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kMaxDigestBytes = 20;

constexpr std::size_t digest_bytes(Digest kind) {
  return kind == Digest::md5 ? kMd5Bytes : kSha1Bytes;
}

// Writes the digest of the joined `parts`. False when this OpenSSL does not offer it (a FIPS
// set-up).
[[nodiscard]] bool digest(Digest kind, std::initializer_list<std::string_view> parts,
                          char* out) noexcept;

// RFC 2104. `key` may have any length.
[[nodiscard]] bool hmac(Digest kind, std::string_view key, std::string_view text,
                        char* out) noexcept;

}  // namespace runtime::crypt
