#include "crypt/digest.h"

#include <openssl/evp.h>

#include <cstring>
#include <memory>

namespace runtime::crypt {

namespace {

constexpr std::size_t kBlockBytes = 64;  // of all three digests

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched for good: it serves until the process ends. Null when there is none.
const EVP_MD* algorithm(Digest kind) {
  static const EVP_MD* const kMd5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const kSha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  if (kind == Digest::md5) return kMd5;
  return kind == Digest::sha1 ? kSha1 : kSha256;
}

EVP_MD_CTX* thread_context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return context.get();
}

}  // namespace

bool digest(Digest kind, std::initializer_list<std::string_view> parts, char* out) noexcept {
  const EVP_MD* const method = algorithm(kind);
  EVP_MD_CTX* const context = thread_context();
  if (method == nullptr || context == nullptr) return false;
  if (EVP_DigestInit_ex2(context, method, nullptr) != 1) return false;
  for (const std::string_view part : parts) {
    if (EVP_DigestUpdate(context, part.data(), part.size()) != 1) return false;
  }
  return EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out), nullptr) == 1;
}

bool hmac(Digest kind, std::string_view key, std::string_view text, char* out) noexcept {
  char block[kBlockBytes] = {};
  if (key.size() > kBlockBytes) {
    if (!digest(kind, {key}, block)) return false;
  } else if (!key.empty()) {
    std::memcpy(block, key.data(), key.size());
  }
  char inner[kBlockBytes];
  char outer[kBlockBytes];
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    inner[i] = static_cast<char>(block[i] ^ 0x36);
    outer[i] = static_cast<char>(block[i] ^ 0x5c);
  }
  char hash[kMaxDigestBytes];
  return digest(kind, {{inner, kBlockBytes}, text}, hash) &&
         digest(kind, {{outer, kBlockBytes}, {hash, digest_bytes(kind)}}, out);
}

bool pbkdf2(Digest kind, std::string_view password, std::string_view salt, int rounds,
            char* out) noexcept {
  const EVP_MD* const method = algorithm(kind);
  if (method == nullptr) return false;
  return PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                           reinterpret_cast<const unsigned char*>(salt.data()),
                           static_cast<int>(salt.size()), rounds, method,
                           static_cast<int>(digest_bytes(kind)),
                           reinterpret_cast<unsigned char*>(out)) == 1;
}

}  // namespace runtime::crypt
