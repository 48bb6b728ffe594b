// What TLS sessions have in common: certificates, whom to trust, which protocols to offer.
//
// Threads:   one at a time. Sessions made from a context may run on other threads.
// Ownership: a session keeps what it needs of its context alive.
#pragma once

#include <openssl/ssl.h>

#include <string_view>

namespace runtime::tls {

// How a step ended; if badly, with a text that names the step and gives OpenSSL's own reason.
struct Outcome {
  bool ok = true;
  char text[384] = {};
};

// The failure of `step`, whose result was `code`: "STEP error:CODE", then `detail`, then OpenSSL's
// reason.
Outcome failure(const char* step, int code, const char* detail = "");

class Context {
 public:
  // TLS in all versions that the system allows. Peers are not verified.
  Context() noexcept;
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  bool is_valid() const noexcept { return ctx_ != nullptr; }

  // A PEM file with the certificate and the chain behind it, and one with the private key.
  Outcome use_certificate(const char* chain_file, const char* key_file) noexcept;

  // Names of OpenSSL's cipher list, and of TLS 1.3 suites (TLS_...), joined by ':'.
  Outcome use_ciphers(const char* list) noexcept;

  // From now on peers must prove who they are: a server's certificate must lead to a trusted root
  // and hold the session's host name; a client must have a certificate. Trusted are the roots in
  // `ca_file` (PEM) and `ca_path` (a folder of hashed names), and if both are null the system's.
  Outcome verify_peers(const char* ca_file, const char* ca_path) noexcept;
  void trust_anybody() noexcept;

  // The application protocols that a client offers or a server accepts, the preferred one first, in
  // the form of RFC 7301: each with its length in a byte before it. A server refuses clients that
  // offer none of them.
  Outcome use_protocols(std::string_view list) noexcept;

  // Clients that ask for `name` (`*.x` is any one label before .x) get the certificate and
  // protocols of `other`.
  Outcome add_name(std::string_view name, Context& other) noexcept;

  SSL_CTX* get() const noexcept { return ctx_; }

 private:
  SSL_CTX* ctx_;
};

}  // namespace runtime::tls
