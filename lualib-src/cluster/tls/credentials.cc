#include "cluster/tls/credentials.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "cluster/tls/link_session.h"

namespace runtime::cluster {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

struct ReleaseBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string time_text(const ASN1_TIME* time) {
  const std::unique_ptr<BIO, ReleaseBio> out(BIO_new(BIO_s_mem()));
  if (out == nullptr || ASN1_TIME_print(out.get(), time) != 1) return "?";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string name_text(const X509_NAME* name) {
  const std::unique_ptr<BIO, ReleaseBio> out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE) < 0) return "?";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

tls::Outcome Credentials::load(const CredentialFiles& files) {
  if (!context_.is_valid()) return tls::failure("SSL_CTX_new", 0);
  SSL_CTX* const context = context_.get();
  // Both ends are nodes of ours, so the newest version is enough. A link lives long and is rarely idle: no tickets, and
  // its buffers stay.
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_clear_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Records are read together, not each in two pieces.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBytes);
  // Nobody is asked for the password of a key.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (const tls::Outcome outcome = context_.use_certificate(files.certificate, files.key);
      !outcome.ok) {
    return outcome;
  }
  if (const tls::Outcome outcome = context_.verify_peers(files.authority, nullptr); !outcome.ok) {
    return outcome;
  }
  return context_.use_protocols(kProtocolList);
}

std::string Credentials::description() const {
  const X509* const certificate = SSL_CTX_get0_certificate(context_.get());
  return name_text(X509_get_subject_name(certificate)) + ", valid until " +
         time_text(X509_get0_notAfter(certificate));
}

std::string Credentials::warning() const {
  const X509* const certificate = SSL_CTX_get0_certificate(context_.get());
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) return "it has expired";
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    return "it is not valid before " + time_text(X509_get0_notBefore(certificate));
  }
  return {};
}

std::unique_ptr<Secure> Credentials::server() const {
  return std::make_unique<LinkSession>(tls::Role::server, context_.get());
}

std::unique_ptr<Secure> Credentials::client(const std::string& node,
                                            const std::string& host) const {
  LinkSession::Expected expected;
  if (verify_names_) expected = {node, host};
  return std::make_unique<LinkSession>(tls::Role::client, context_.get(), expected);
}

}  // namespace runtime::cluster
