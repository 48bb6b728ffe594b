#include "tls/session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstdio>

namespace runtime::tls {

namespace {

constexpr std::size_t kRecordBytes = 16384;
// What a record takes beside its text, with room for any suite.
constexpr std::size_t kRecordOverhead = 96;

bool is_address(const char* host) {
  ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host);
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  return address != nullptr;
}

}  // namespace

Session::Session(Role role, SSL_CTX* ctx) noexcept : ssl_(SSL_new(ctx)) {
  if (ssl_ == nullptr) return;
  BIO* const in = input_.make_bio();
  BIO* const out = output_.make_bio();
  if (in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    close();
    return;
  }
  SSL_set_bio(ssl_, in, out);
  if (role == Role::client) {
    SSL_set_connect_state(ssl_);
  } else {
    SSL_set_accept_state(ssl_);
  }
}

void Session::close() noexcept {
  SSL_free(ssl_);
  ssl_ = nullptr;
}

bool Session::set_host(const char* host) noexcept {
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host) == 1;
  return ask_for_name(host) && SSL_set1_host(ssl_, host) == 1;
}

bool Session::ask_for_name(const char* name) noexcept {
  ERR_clear_error();
  return SSL_set_tlsext_host_name(ssl_, name) == 1;
}

Outcome Session::fail(const Outcome& outcome) noexcept {
  outcome_ = outcome;
  return outcome;
}

Outcome Session::handshake() noexcept {
  if (!outcome_.ok) return outcome_;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return {};
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {};
  char detail[160];
  const long verified = SSL_get_verify_result(ssl_);
  int used = std::snprintf(detail, sizeof detail, " ret:%d", result);
  if (verified != X509_V_OK && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE) {
    std::snprintf(detail + used, sizeof detail - static_cast<std::size_t>(used), " (%s)",
                  X509_verify_cert_error_string(verified));
  }
  return fail(failure("SSL_do_handshake", error, detail));
}

Outcome Session::write(std::string_view plain) noexcept {
  if (plain.empty()) return {};
  if (!outcome_.ok) return outcome_;
  ERR_clear_error();
  if (is_finished())
    output_.reserve(plain.size() + (plain.size() / kRecordBytes + 1) * kRecordOverhead);
  std::size_t written = 0;
  // Memory takes everything: a write is never cut short.
  const int result = SSL_write_ex(ssl_, plain.data(), plain.size(), &written);
  if (result == 1) return {};
  // Not kept: writing too early or after end() does not hurt the other direction.
  return failure("SSL_write", SSL_get_error(ssl_, result));
}

Outcome Session::change_keys() noexcept {
  if (!outcome_.ok) return outcome_;
  ERR_clear_error();
  const int result = SSL_key_update(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED);
  return result == 1 ? Outcome{} : failure("SSL_key_update", result);
}

Outcome Session::read(char* out, std::size_t room, std::size_t* size) noexcept {
  *size = 0;
  if (!outcome_.ok) return outcome_;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_, out, room, size);
  if (result == 1) return {};
  *size = 0;
  const int error = SSL_get_error(ssl_, result);
  switch (error) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_ZERO_RETURN: return {};
    default: return fail(failure("SSL_read", error));
  }
}

void Session::end() noexcept {
  if (!is_finished()) return;
  SSL_shutdown(ssl_);  // its result says whether the peer has ended, too
  ERR_clear_error();
}

std::string_view Session::protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool Session::peer_is(const char* host) const noexcept {
  X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || *host == '\0') return false;
  if (is_address(host)) return X509_check_ip_asc(certificate, host, 0) == 1;
  return X509_check_host(certificate, host, 0, 0, nullptr) == 1;
}

std::string_view Session::asked_name() const noexcept {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : std::string_view{};
}

}  // namespace runtime::tls
