// The TLS read path with records that a peer could make up: random bytes into a fresh server or
// client, and into a session whose handshake is done, between records that are right.
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "tls/context.h"
#include "tls/session.h"

namespace {

using namespace runtime::tls;

void give_certificate(SSL_CTX* ctx) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert), 1 << 30);
  X509_set_pubkey(cert, key);
  X509_sign(cert, key, EVP_sha256());
  SSL_CTX_use_certificate(ctx, cert);
  SSL_CTX_use_PrivateKey(ctx, key);
  X509_free(cert);
  EVP_PKEY_free(key);
}

Context& server_context() {
  static Context& context = *[] {
    auto* made = new Context();
    give_certificate(made->get());
    return made;
  }();
  return context;
}

Context& client_context() {
  static Context& context = *new Context();
  return context;
}

void carry(Session& from, Session& to) {
  to.feed(from.outgoing());
  from.drop_outgoing();
}

// As lua_tls.cc does: the handshake first, then reading until nothing is left. False: failed.
bool advance(Session& session) {
  if (!session.is_finished()) return session.handshake().ok;
  char plain[4096];
  std::size_t size = 0;
  do {
    if (!session.read(plain, sizeof plain, &size).ok) return false;
    if (size > sizeof plain) std::abort();
  } while (size > 0);
  return true;
}

}  // namespace

// Input: one byte mode; then pieces of one byte size and as many bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool attack_client = (data[0] & 1) != 0;
  const int honest_turns = data[0] >> 1 & 7;  // how far the two come by themselves
  ++data;
  --size;
  Session server(Role::server, server_context().get());
  Session client(Role::client, client_context().get());
  if (!client.set_host("fuzz.test")) std::abort();
  for (int turn = 0; turn < honest_turns; ++turn) {
    Session& now = turn % 2 == 0 ? client : server;
    if (!advance(now)) std::abort();
    carry(now, turn % 2 == 0 ? server : client);
  }
  Session& victim = attack_client ? client : server;
  bool good = true;
  while (good && size > 0) {
    const std::size_t count = std::min<std::size_t>(data[0], size - 1);
    victim.feed({reinterpret_cast<const char*>(data) + 1, count});
    good = advance(victim);
    victim.drop_outgoing();
    data += 1 + count;
    size -= 1 + count;
  }
  victim.end();
  return 0;
}
