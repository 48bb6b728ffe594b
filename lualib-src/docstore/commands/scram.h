// SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side.
//
//   client  n,,n=USER,r=NONCE
//   server  r=NONCE+OURS,s=SALT,i=ROUNDS
//   client  c=biws,r=NONCE+OURS,p=PROOF
//   server  v=SIGNATURE
//
// The password itself is not kept. It is brought into its normal form (SASLprep) first, as clients do.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace runtime::docstore {

struct Credentials {
  std::string user;
  std::string salt;
  int rounds = 15000;
  std::string stored_key, server_key;
};

Credentials make_credentials(std::string_view user, std::string_view password);

std::string to_base64(std::string_view bytes);
// Nothing for what is no base64.
std::optional<std::string> from_base64(std::string_view text);

class ScramServer {
 public:
  // The first answer; nothing when the message is malformed. An unknown user is answered like the known one, so
  // that nobody learns who there is.
  static std::optional<ScramServer> begin(const Credentials& credentials, std::string_view message,
                                          std::string* answer);

  // The second answer; nothing when the proof is wrong.
  std::optional<std::string> finish(std::string_view message);
  bool is_proven() const { return is_proven_; }

 private:
  Credentials credentials_;
  bool is_known_ = false;
  bool is_proven_ = false;
  std::string nonce_, first_bare_, server_first_, header_;
};

}  // namespace runtime::docstore
