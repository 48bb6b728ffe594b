// User signatures of Tencent Cloud ("TLSSig v2"): a user's proof of identity towards its chat and
// call services.
//
//   signature text = base64 with '*' '-' '_' for '+' '/' '=', of the zlib stream of
//   {"TLS.ver":"2.0","TLS.sdkappid":N,"TLS.identifier":"..","TLS.time":N,"TLS.expire":N,
//    "TLS.userbuf":"<base64>","TLS.sig":"<base64>"}                  without blanks; userbuf is optional
//
//   TLS.sig = HMAC-SHA256(key, "TLS.identifier:..\nTLS.sdkappid:N\nTLS.time:N\nTLS.expire:N\n"
//                              "TLS.userbuf:<base64>\n")             the identifier without escapes
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace runtime::tencentyun {

struct Request {
  std::uint32_t app_id = 0;
  std::string_view identifier;
  std::string_view key;
  std::int32_t valid_seconds = 0;
  std::int64_t issued_at = 0;  // seconds since 1970
  std::optional<std::string_view> userbuf;
};

// The signature. An empty one means that the cryptography or the compression library failed.
std::string make_user_sig(const Request& request) noexcept;

}  // namespace runtime::tencentyun
