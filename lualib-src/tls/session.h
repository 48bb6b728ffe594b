// One TLS session over memory: the caller carries the bytes.
//
//   from the peer -> feed() -> [ SSL ] -> read()     plain bytes
//   plain bytes  -> write() -> [ SSL ] -> outgoing()  to the peer
//
// Threads: one at a time.
// Memory:  bytes of the record that is still coming, and outgoing bytes until they are taken.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <string_view>

#include "tls/context.h"
#include "tls/session_memory.h"

namespace runtime::tls {

enum class Role { client, server };

class Session {
 public:
  explicit Session(Role role, SSL_CTX* ctx) noexcept;
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // False after close(), and when there was no memory for the session. No other function may be
  // called then.
  bool is_open() const noexcept { return ssl_ != nullptr; }
  void close() noexcept;

  // A client asks for this host: the server may choose its certificate by it, and when peers are
  // verified, the certificate must be for it. An address is not asked for, only verified. False:
  // the name cannot be used.
  bool set_host(const char* host) noexcept;
  // Only asks.
  bool ask_for_name(const char* name) noexcept;

  // Appends bytes that came from the peer.
  void feed(std::string_view bytes) noexcept { input_.append(bytes); }
  // The same without a copy, as long as they are there: until keep_lent().
  void lend(std::string_view bytes) noexcept { input_.lend(bytes); }
  void keep_lent() noexcept { input_.keep(); }

  // A session whose handshake() or read() failed stays so: both, and write(), give that outcome
  // again.

  // Goes on with the handshake as far as the bytes reach. Not to be called when it is finished.
  Outcome handshake() noexcept;
  bool is_finished() const noexcept { return SSL_is_init_finished(ssl_); }

  // Encrypts all of `plain`.
  Outcome write(std::string_view plain) noexcept;

  // What is written from now on has new keys, with TLS 1.3.
  Outcome change_keys() noexcept;

  // Decrypts up to `room` bytes; *size of them, 0 when no whole record is left.
  Outcome read(char* out, std::size_t room, std::size_t* size) noexcept;

  // Whether read() may find more.
  bool has_more() const noexcept { return input_.unread() > 0 || SSL_has_pending(ssl_) != 0; }

  // Says to the peer that no more bytes will come.
  void end() noexcept;
  // Whether the peer said so.
  bool is_ended() const noexcept { return SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN; }

  // What is to be sent, also alerts after a failure; valid until the next call. drop_outgoing(): it
  // was taken. take_outgoing() gives its memory to the caller, who frees it.
  std::string_view outgoing() const noexcept { return output_.bytes(); }
  void drop_outgoing() noexcept { output_.drop(); }
  char* take_outgoing() noexcept { return output_.take(); }

  // The protocol that ALPN chose; the name that a client asked for; "TLSv1.3". Empty: none.
  std::string_view protocol() const noexcept;
  std::string_view asked_name() const noexcept;
  // Whether the peer's certificate is for this host name or address. After the handshake.
  bool peer_is(const char* host) const noexcept;
  std::string_view version() const noexcept { return SSL_get_version(ssl_); }

 private:
  Outcome fail(const Outcome& outcome) noexcept;

  SessionInput input_;  // both are used by ssl_
  SessionOutput output_;
  SSL* ssl_;
  Outcome outcome_;  // the failure, if there was one
};

}  // namespace runtime::tls
