#include "user_sig.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <algorithm>

namespace runtime::tencentyun {
namespace {

// The level of the vendor's own library: its streams begin with 78 01, hence signatures with "eA"
// or "eJ".
constexpr int kLevel = Z_BEST_SPEED;

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock adds a NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_bytes(text),
                  static_cast<int>(text.size()));
  out.pop_back();
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  // An empty key must be an address all the same: OpenSSL takes null for "the key of the last
  // call".
  const char* key_data = key.empty() ? "" : key.data();
  if (HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()), as_bytes(text), text.size(),
           digest, &size) == nullptr) {
    return {};
  }
  return std::string(reinterpret_cast<char*>(digest), size);
}

// The inside of a JSON string. Bytes beyond ASCII pass as they are.
std::string escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          out += c;
        } else {
          out.append("\\u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
        }
    }
  }
  return out;
}

std::string compressed(std::string_view text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<unsigned char*>(out.data()), &size, as_bytes(text), text.size(),
                kLevel) != Z_OK) {
    return {};
  }
  out.resize(size);
  return out;
}

}  // namespace

std::string make_user_sig(const Request& request) noexcept {
  const std::string app_id = std::to_string(request.app_id);
  const std::string time = std::to_string(request.issued_at);
  const std::string expire = std::to_string(request.valid_seconds);
  const std::string userbuf = request.userbuf ? base64(*request.userbuf) : std::string();

  std::string content = "TLS.identifier:";
  content.append(request.identifier).append("\nTLS.sdkappid:").append(app_id);
  content.append("\nTLS.time:").append(time).append("\nTLS.expire:").append(expire).append("\n");
  if (request.userbuf) content.append("TLS.userbuf:").append(userbuf).append("\n");
  const std::string digest = hmac_sha256(request.key, content);
  if (digest.empty()) return {};

  std::string json = R"({"TLS.ver":"2.0","TLS.sdkappid":)" + app_id;
  json.append(R"(,"TLS.identifier":")").append(escaped(request.identifier));
  json.append(R"(","TLS.time":)").append(time).append(R"(,"TLS.expire":)").append(expire);
  if (request.userbuf) json.append(R"(,"TLS.userbuf":")").append(userbuf).append("\"");
  json.append(R"(,"TLS.sig":")").append(base64(digest)).append("\"}");

  std::string sig = base64(compressed(json));
  std::replace(sig.begin(), sig.end(), '+', '*');
  std::replace(sig.begin(), sig.end(), '/', '-');
  std::replace(sig.begin(), sig.end(), '=', '_');
  return sig;
}

}  // namespace runtime::tencentyun
