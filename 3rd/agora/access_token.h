// Access tokens of Agora's real-time service, version 006.
//
//   "006" + app id (32) + base64(content), 139 characters in all; integers are little-endian
//
//   content:  u16 32, signature (32) | u32 crc32(channel) | u32 crc32(user) | u16 34, message (34)
//   message:  u32 salt | u32 issued + 24 h | u16 4 | 4 x { u16 privilege 1..4, u32 expiry }
//   signature = HMAC-SHA256(certificate, app id + channel + user + message)
//
// The privileges are: join the channel, publish sound, publish pictures, publish data. All four
// expire at the same moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::agora {

constexpr std::size_t kTokenBytes = 139;

struct Request {
  std::string_view app_id;  // 32 hex digits, as is the certificate
  std::string_view certificate;
  std::string_view channel;
  std::string_view user;         // a decimal uid or an account; empty: any user
  std::uint32_t expires_at = 0;  // seconds since 1970; 0 is never
  std::uint32_t issued_at = 0;   // seconds since 1970
  std::uint32_t salt = 0;        // random
};

// Writes kTokenBytes to `token` (no NUL) and returns null, or writes nothing and returns what is
// wrong with the request.
const char* build_token(const Request& request, char* token) noexcept;

}  // namespace runtime::agora
