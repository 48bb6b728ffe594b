#include "docstore/commands/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stringprep.h>

#include "base/check.h"
#include "docstore/storage/random.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kNonceBytes = 24;
constexpr std::size_t kSaltBytes = 28;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string out(kDigestBytes, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  RUNTIME_CHECK(size == kDigestBytes, "OpenSSL has HMAC-SHA-256");
  return out;
}

std::string sha256(std::string_view text) {
  std::string out(kDigestBytes, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
             EVP_sha256(), nullptr);
  return out;
}

// Takes "X=value" off the front, up to the comma; nothing when it begins otherwise.
std::optional<std::string_view> take_field(std::string_view* text, char name) {
  if (text->size() < 2 || (*text)[0] != name || (*text)[1] != '=') return std::nullopt;
  const std::string_view value = text->substr(2, text->find(',') - 2);
  text->remove_prefix(std::min(text->size(), value.size() + 3));
  return value;
}

// "=2C" is a comma in a name, "=3D" an equals sign.
std::string plain_name(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::string_view three = name.substr(i, 3);
    if (three == "=2C" || three == "=3D") {
      out += three == "=2C" ? ',' : '=';
      i += 2;
    } else {
      out += name[i];
    }
  }
  return out;
}

// The normal form of a password; one that has none is taken as it is.
std::string saslprep(std::string_view password) {
  std::string buffer(password.size() * 4 + 64, '\0');
  password.copy(buffer.data(), password.size());
  if (stringprep(buffer.data(), buffer.size(), Stringprep_profile_flags{}, stringprep_saslprep) !=
      STRINGPREP_OK) {
    return std::string(password);
  }
  return buffer.c_str();
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  out.resize(
      static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                               bytes_of(bytes), static_cast<int>(bytes.size()))));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty()) return std::string();
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

Credentials make_credentials(std::string_view user, std::string_view given) {
  const std::string password = saslprep(given);
  Credentials made;
  made.user = user;
  made.salt = random_bytes(kSaltBytes);
  std::string salted(kDigestBytes, '\0');
  const int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(made.salt),
                        static_cast<int>(made.salt.size()), made.rounds, EVP_sha256(), kDigestBytes,
                        reinterpret_cast<unsigned char*>(salted.data()));
  RUNTIME_CHECK(done == 1, "OpenSSL has PBKDF2");
  made.stored_key = sha256(hmac(salted, "Client Key"));
  made.server_key = hmac(salted, "Server Key");
  return made;
}

std::optional<ScramServer> ScramServer::begin(const Credentials& credentials,
                                              std::string_view message, std::string* answer) {
  ScramServer server;
  server.credentials_ = credentials;
  // No channel binding: "n,," or, from who could have bound, "y,,". Nobody logs in for somebody else.
  if (!message.starts_with("n,,") && !message.starts_with("y,,")) return std::nullopt;
  server.header_ = to_base64(message.substr(0, 3));
  std::string_view rest = message.substr(3);
  server.first_bare_ = rest;
  const auto name = take_field(&rest, 'n');
  const auto nonce = name ? take_field(&rest, 'r') : std::nullopt;
  if (!nonce || nonce->empty()) return std::nullopt;
  server.is_known_ = plain_name(*name) == credentials.user;
  server.nonce_ = std::string(*nonce) + to_base64(random_bytes(kNonceBytes));
  server.server_first_ = "r=" + server.nonce_ + ",s=" + to_base64(credentials.salt) +
                         ",i=" + std::to_string(credentials.rounds);
  *answer = server.server_first_;
  return server;
}

std::optional<std::string> ScramServer::finish(std::string_view message) {
  const std::size_t proof_at = message.rfind(",p=");
  if (proof_at == message.npos) return std::nullopt;
  const std::string_view without_proof = message.substr(0, proof_at);
  const auto proof = from_base64(message.substr(proof_at + 3));
  std::string_view rest = without_proof;
  const auto header = take_field(&rest, 'c');
  const auto nonce = header ? take_field(&rest, 'r') : std::nullopt;
  if (!proof || proof->size() != kDigestBytes || header != header_ || nonce != nonce_)
    return std::nullopt;
  const std::string text = first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  std::string client_key = hmac(credentials_.stored_key, text);
  for (std::size_t i = 0; i < kDigestBytes; ++i)
    client_key[i] = static_cast<char>(client_key[i] ^ (*proof)[i]);
  const bool fits =
      CRYPTO_memcmp(sha256(client_key).data(), credentials_.stored_key.data(), kDigestBytes) == 0;
  if (!fits || !is_known_) return std::nullopt;
  is_proven_ = true;
  return "v=" + to_base64(hmac(credentials_.server_key, text));
}

}  // namespace runtime::docstore
