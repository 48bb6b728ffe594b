#include "crypt/des.h"

#include <openssl/evp.h>

#include <climits>
#include <cstring>
#include <memory>
#include <optional>

namespace runtime::crypt {

namespace {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

enum Direction : int { kDecrypt = 0, kEncrypt = 1 };

// Single DES is in OpenSSL 3's legacy provider, which need not be installed. Triple DES is always
// there, and with the same key three times it is single DES: two of its three passes undo each
// other.
bool run(Direction direction, std::string_view key, std::string_view in, char* out) {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "DES-EDE3-ECB", nullptr);
  thread_local const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  if (kCipher == nullptr || context == nullptr) return false;
  unsigned char triple[3 * kDesKey];
  for (std::size_t i = 0; i < sizeof triple; i += kDesKey)
    std::memcpy(triple + i, key.data(), kDesKey);
  if (EVP_CipherInit_ex2(context.get(), kCipher, triple, nullptr, direction, nullptr) != 1)
    return false;
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  constexpr std::size_t kMost = INT_MAX / kDesBlock * kDesBlock;  // OpenSSL counts in int
  while (!in.empty()) {
    const std::string_view piece = in.substr(0, kMost);
    int written = 0;
    if (EVP_CipherUpdate(context.get(), reinterpret_cast<unsigned char*>(out), &written,
                         reinterpret_cast<const unsigned char*>(piece.data()),
                         static_cast<int>(piece.size())) != 1) {
      return false;
    }
    in.remove_prefix(piece.size());
    out += written;
  }
  return true;
}

// Writes the last block: what is left of the text, and the padding.
void pad(std::string_view rest, Padding padding, char* block) {
  const std::size_t missing = kDesBlock - rest.size();
  if (!rest.empty()) std::memcpy(block, rest.data(), rest.size());
  if (padding == Padding::pkcs7) {
    std::memset(block + rest.size(), static_cast<int>(missing), missing);
  } else {
    std::memset(block + rest.size(), 0, missing);
    block[rest.size()] = static_cast<char>(0x80);
  }
}

// How many bytes of the last block are padding; nothing when they do not look like it.
std::optional<std::size_t> padding_bytes(const char* block, Padding padding) {
  if (padding == Padding::pkcs7) {
    const auto count = static_cast<unsigned char>(block[kDesBlock - 1]);
    if (count == 0 || count > kDesBlock) return std::nullopt;
    for (std::size_t i = kDesBlock - count; i < kDesBlock; ++i) {
      if (static_cast<unsigned char>(block[i]) != count) return std::nullopt;
    }
    return count;
  }
  std::size_t last = kDesBlock;
  while (last > 0 && block[last - 1] == 0) --last;
  if (last == 0 || block[last - 1] != static_cast<char>(0x80)) return std::nullopt;
  return kDesBlock - last + 1;
}

}  // namespace

bool des_encode(std::string_view key, std::string_view text, Padding padding, char* out) noexcept {
  const std::size_t whole = text.size() / kDesBlock * kDesBlock;
  char last[kDesBlock];
  pad(text.substr(whole), padding, last);
  return run(kEncrypt, key, text.substr(0, whole), out) &&
         run(kEncrypt, key, {last, sizeof last}, out + whole);
}

DesResult des_decode(std::string_view key, std::string_view data, Padding padding, char* out,
                     std::size_t* size) noexcept {
  if (!run(kDecrypt, key, data, out)) return DesResult::unavailable;
  const std::optional<std::size_t> added = padding_bytes(out + data.size() - kDesBlock, padding);
  if (!added) return DesResult::bad_padding;
  *size = data.size() - *added;
  return DesResult::ok;
}

}  // namespace runtime::crypt
