#include "access_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>

namespace runtime::agora {
namespace {

constexpr std::string_view kVersion = "006";
constexpr std::size_t kIdBytes = 32;
constexpr std::size_t kSignatureBytes = 32;
constexpr int kPrivileges = 4;
constexpr std::size_t kMessageBytes = 4 + 4 + 2 + kPrivileges * (2 + 4);
constexpr std::size_t kContentBytes = 2 + kSignatureBytes + 4 + 4 + 2 + kMessageBytes;
static_assert(kVersion.size() + kIdBytes + (kContentBytes + 2) / 3 * 4 == kTokenBytes);

constexpr std::uint32_t kDaySeconds = 86400;

// Appends integers and bytes to a buffer that is known to be large enough.
class Writer {
 public:
  explicit Writer(unsigned char* at) : at_(at) {}

  Writer& u16(std::uint32_t value) { return integer(value, 2); }
  Writer& u32(std::uint32_t value) { return integer(value, 4); }
  Writer& bytes(const void* data, std::size_t size) {
    std::memcpy(at_, data, size);
    at_ += size;
    return *this;
  }

 private:
  Writer& integer(std::uint32_t value, int size) {
    for (; size > 0; --size, value >>= 8) *at_++ = static_cast<unsigned char>(value);
    return *this;
  }

  unsigned char* at_;
};

bool is_id(std::string_view text) {
  return text.size() == kIdBytes && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isxdigit(c) != 0;
         });
}

std::uint32_t checksum(std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

}  // namespace

const char* build_token(const Request& request, char* token) noexcept {
  if (!is_id(request.app_id)) return "invalid appID";
  if (!is_id(request.certificate)) return "invalid appCertificate";

  unsigned char message[kMessageBytes];
  Writer body(message);
  body.u32(request.salt).u32(request.issued_at + kDaySeconds).u16(kPrivileges);
  for (int privilege = 1; privilege <= kPrivileges; ++privilege) {
    body.u16(privilege).u32(request.expires_at);
  }

  std::string signed_text;
  signed_text.append(request.app_id).append(request.channel).append(request.user);
  signed_text.append(reinterpret_cast<const char*>(message), kMessageBytes);
  unsigned char signature[EVP_MAX_MD_SIZE];
  if (HMAC(EVP_sha256(), request.certificate.data(), static_cast<int>(request.certificate.size()),
           reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(),
           signature, nullptr) == nullptr) {
    return "HMAC-SHA256 is not available";
  }

  unsigned char content[kContentBytes];
  Writer(content)
      .u16(kSignatureBytes)
      .bytes(signature, kSignatureBytes)
      .u32(checksum(request.channel))
      .u32(checksum(request.user))
      .u16(kMessageBytes)
      .bytes(message, kMessageBytes);

  // EVP_EncodeBlock adds a NUL that is not part of the token.
  char encoded[(kContentBytes + 2) / 3 * 4 + 1];
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded), content, kContentBytes);
  token = std::copy(kVersion.begin(), kVersion.end(), token);
  token = std::copy(request.app_id.begin(), request.app_id.end(), token);
  std::copy_n(encoded, sizeof(encoded) - 1, token);
  return nullptr;
}

}  // namespace runtime::agora
