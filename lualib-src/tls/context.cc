#include "tls/context.h"

#include <openssl/err.h>
#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tls/suites.h"

namespace runtime::tls {

namespace {

constexpr unsigned char kSessionIdContext[] = "runtime";

struct ReleaseContext {
  void operator()(SSL_CTX* ctx) const { SSL_CTX_free(ctx); }
};
using SharedContext = std::unique_ptr<SSL_CTX, ReleaseContext>;

// What OpenSSL's callbacks need. It belongs to the SSL_CTX, because sessions outlive the Context.
struct Settings {
  std::string protocols;
  std::vector<std::pair<std::string, SharedContext>> names;
};

int settings_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* settings, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<Settings*>(settings);
      });
  return kIndex;
}

// The settings of `ctx`, made with the first call.
Settings* settings_of(SSL_CTX* ctx) {
  auto* settings = static_cast<Settings*>(SSL_CTX_get_ex_data(ctx, settings_index()));
  if (settings == nullptr) {
    settings = new Settings();
    SSL_CTX_set_ex_data(ctx, settings_index(), settings);
  }
  return settings;
}

int select_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  const std::string& ours = settings_of(SSL_get_SSL_CTX(ssl))->protocols;
  unsigned char* chosen;
  const int found =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool equal_names(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.substr(0, 2) != "*.") return equal_names(pattern, name);
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 &&
         equal_names(pattern.substr(1), name.substr(dot));
}

int select_certificate(SSL* ssl, int*, void*) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const auto& [pattern, ctx] : settings_of(SSL_get_SSL_CTX(ssl))->names) {
    if (!matches(pattern, asked)) continue;
    SSL_set_SSL_CTX(ssl, ctx.get());
    break;
  }
  return SSL_TLSEXT_ERR_OK;
}

// Whether each part of the list has 1 to 255 bytes, as its length says.
bool is_protocol_list(std::string_view list) {
  while (!list.empty()) {
    const auto size = static_cast<unsigned char>(list.front());
    if (size == 0 || list.size() - 1 < size) return false;
    list.remove_prefix(std::size_t{1} + size);
  }
  return true;
}

// " of FILE", as failure() takes a detail.
struct Named {
  char text[160];
};
Named named(const char* file) {
  Named result;
  std::snprintf(result.text, sizeof result.text, " of %s", file);
  return result;
}

}  // namespace

Outcome failure(const char* step, int code, const char* detail) {
  Outcome outcome;
  outcome.ok = false;
  const int written =
      std::snprintf(outcome.text, sizeof outcome.text, "%s error:%d%s", step, code, detail);
  const auto used = std::min(static_cast<std::size_t>(written), sizeof outcome.text - 1);
  // The first entry of the queue is the cause; those behind it say who passed it on.
  const char* data = "";
  int flags = 0;
  const unsigned long cause = ERR_peek_error_all(nullptr, nullptr, nullptr, &data, &flags);
  if (cause != 0) {
    char reason[256];
    ERR_error_string_n(cause, reason, sizeof reason);
    const bool has_data = (flags & ERR_TXT_STRING) != 0 && data[0] != '\0';
    std::snprintf(outcome.text + used, sizeof outcome.text - used, " (%s%s%s)", reason,
                  has_data ? ": " : "", has_data ? data : "");
  }
  ERR_clear_error();
  return outcome;
}

Context::Context() noexcept : ctx_(SSL_CTX_new(TLS_method())) {
  if (ctx_ == nullptr) return;
  SSL_CTX_set_verify(ctx_, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cipher_list(ctx_, kForwardSecret);
  // An idle session holds no record buffers.
  SSL_CTX_set_mode(ctx_, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(ctx_, SSL_OP_NO_RENEGOTIATION);
  // Clients may resume with tickets, which cost the server nothing; a cache of sessions would grow.
  SSL_CTX_set_session_cache_mode(ctx_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(ctx_, kSessionIdContext, sizeof kSessionIdContext - 1);
}

Context::~Context() { SSL_CTX_free(ctx_); }

Outcome Context::use_certificate(const char* chain_file, const char* key_file) noexcept {
  ERR_clear_error();
  int result = SSL_CTX_use_certificate_chain_file(ctx_, chain_file);
  if (result != 1)
    return failure("SSL_CTX_use_certificate_chain_file", result, named(chain_file).text);
  result = SSL_CTX_use_PrivateKey_file(ctx_, key_file, SSL_FILETYPE_PEM);
  if (result != 1) return failure("SSL_CTX_use_PrivateKey_file", result, named(key_file).text);
  result = SSL_CTX_check_private_key(ctx_);
  if (result != 1) return failure("SSL_CTX_check_private_key", result, named(key_file).text);
  return {};
}

Outcome Context::use_ciphers(const char* list) noexcept {
  ERR_clear_error();
  std::string suites, ciphers;
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(':'));
    std::string& kind = name.substr(0, 4) == "TLS_" ? suites : ciphers;
    kind.append(kind.empty() ? "" : ":").append(name);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  if (!suites.empty()) {
    const int result = SSL_CTX_set_ciphersuites(ctx_, suites.c_str());
    if (result != 1) return failure("SSL_CTX_set_ciphersuites", result);
  }
  if (!ciphers.empty() || suites.empty()) {
    const int result = SSL_CTX_set_cipher_list(ctx_, ciphers.c_str());
    if (result != 1) return failure("SSL_CTX_set_cipher_list", result);
  }
  return {};
}

Outcome Context::verify_peers(const char* ca_file, const char* ca_path) noexcept {
  ERR_clear_error();
  if (ca_file == nullptr && ca_path == nullptr) {
    const int result = SSL_CTX_set_default_verify_paths(ctx_);
    if (result != 1) return failure("SSL_CTX_set_default_verify_paths", result);
  } else {
    const int result = SSL_CTX_load_verify_locations(ctx_, ca_file, ca_path);
    if (result != 1) {
      return failure("SSL_CTX_load_verify_locations", result,
                     named(ca_file != nullptr ? ca_file : ca_path).text);
    }
  }
  // The second flag means something to servers only.
  SSL_CTX_set_verify(ctx_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

void Context::trust_anybody() noexcept { SSL_CTX_set_verify(ctx_, SSL_VERIFY_NONE, nullptr); }

Outcome Context::use_protocols(std::string_view list) noexcept {
  ERR_clear_error();
  // This function, unlike the others, gives 0 for success.
  const auto* bytes = reinterpret_cast<const unsigned char*>(list.data());
  const int result = list.size() > 0xffff || !is_protocol_list(list)
                         ? 1
                         : SSL_CTX_set_alpn_protos(ctx_, bytes, static_cast<unsigned>(list.size()));
  if (result != 0) return failure("SSL_CTX_set_alpn_protos", result);
  settings_of(ctx_)->protocols = list;
  SSL_CTX_set_alpn_select_cb(ctx_, list.empty() ? nullptr : select_protocol, nullptr);
  return {};
}

Outcome Context::add_name(std::string_view name, Context& other) noexcept {
  ERR_clear_error();
  if (&other == this) return failure("add_name", 0, ": the context is its own");
  SSL_CTX_up_ref(other.ctx_);
  settings_of(ctx_)->names.emplace_back(name, SharedContext(other.ctx_));
  SSL_CTX_set_tlsext_servername_callback(ctx_, select_certificate);
  return {};
}

}  // namespace runtime::tls
