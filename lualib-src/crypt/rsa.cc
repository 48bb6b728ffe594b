#include "crypt/rsa.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <climits>
#include <memory>

namespace runtime::crypt {

namespace {

constexpr std::size_t kOaepBytes = 42;  // around the text

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// A key with a pass phrase is none: nobody may be asked for it.
int no_phrase(char*, int, int, void*) { return -1; }

Owned<EVP_PKEY> read_key(std::string_view pem) {
  if (pem.size() > INT_MAX) return nullptr;
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return nullptr;
  return Owned<EVP_PKEY>(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_phrase, nullptr));
}

RsaResult encode(std::string_view pem, std::string_view text, char* out, std::size_t* size) {
  const Owned<EVP_PKEY> key = read_key(pem);
  if (key == nullptr || EVP_PKEY_is_a(key.get(), "RSA") != 1) return RsaResult::bad_key;
  const auto key_bytes = static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
  if (key_bytes > kMaxRsaBytes) return RsaResult::bad_key;
  if (text.size() + kOaepBytes > key_bytes) return RsaResult::too_long;
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_encrypt_init(context.get()) <= 0 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) <= 0) {
    return RsaResult::failed;
  }
  *size = kMaxRsaBytes;
  const int done =
      EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(out), size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return done > 0 ? RsaResult::ok : RsaResult::failed;
}

}  // namespace

RsaResult rsa_oaep_encode(std::string_view pem, std::string_view text, char* out,
                          std::size_t* size) noexcept {
  const RsaResult result = encode(pem, text, out, size);
  ERR_clear_error();  // TLS sessions of this thread look at the same list
  return result;
}

}  // namespace runtime::crypt
