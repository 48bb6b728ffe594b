// The certificate of this node, and whom it trusts: what its links have in common.
//
// Threads: load() once, before the links use it; then any.
#pragma once

#include <memory>
#include <string>

#include "cluster/secure.h"
#include "tls/context.h"

namespace runtime::cluster {

// Names of PEM files.
struct CredentialFiles {
  const char* certificate;  // with the chain behind it
  const char* key;
  const char* authority;  // certificates that lead to these are accepted
};

class Credentials : public SecureFactory {
 public:
  // `verify_names`: a client takes a node only when its certificate has the node's name or host.
  explicit Credentials(bool verify_names) : verify_names_(verify_names) {}

  tls::Outcome load(const CredentialFiles& files);
  // Of this node's certificate: "CN = game-1, valid until Nov 29 07:20:00 2027 GMT".
  std::string description() const;
  // Why other nodes will not take the certificate; empty: nothing is known.
  std::string warning() const;

  std::unique_ptr<Secure> server() const override;
  std::unique_ptr<Secure> client(const std::string& node, const std::string& host) const override;

 private:
  const bool verify_names_;
  tls::Context context_;
};

}  // namespace runtime::cluster
