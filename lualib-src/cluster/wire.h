// The bytes of one connection, as they are or through TLS.
//
// Without TLS each packet goes to the socket at once, and parts of large messages on its line of low priority. TLS has one
// order for everything, and a record costs the same for one small packet as for many: packets are gathered until the
// service has handled what was in its mailbox, by a message that the wire sends to its own service.
//
//   plain:  send() ------------------------------------> socket, normal priority
//           send_block() ------------------------------> socket, low priority
//   TLS:    send() -> [gathered] -> flush() -> records -> socket
//           send_block() -------------------> records -> socket
//
// Threads: that of the service.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/secure.h"
#include "skynet.h"
#include "skynet_socket.h"

namespace runtime::cluster {

// Whether a connection begins with TLS, from its first bytes; `known` is false while they are too few to tell. No first
// packet of the cluster's own begins like TLS: 16 03 01..04 would be 5635 bytes of a part, or of a head or tag that are
// shorter.
struct Beginning {
  bool known;
  bool tls;
};
Beginning beginning_of(std::string_view bytes);

class Wire {
 public:
  explicit Wire(skynet_context* context) : context_(context) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // From now on all goes to this socket; with a session, through TLS, whose handshake a client begins.
  void open(int socket, std::unique_ptr<Secure> secure);
  // No TLS after all: the peer has none.
  void make_plain() { secure_.reset(); }
  // Forgets the socket; what was gathered is gone.
  void close();

  bool is_secure() const { return secure_ != nullptr; }
  // Whether send() may be called: there is a connection, and no handshake is under way.
  bool is_ready() const { return socket_ >= 0 && (secure_ == nullptr || secure_->is_ready()); }
  // Why TLS cannot go on; empty: it can.
  std::string_view fault() const {
    return secure_ == nullptr ? std::string_view{} : secure_->fault();
  }
  // "TLSv1.3"; "handshake"; empty: plain.
  std::string_view tls() const;

  // What the bytes that came say; valid until the next receive(), also after close().
  std::string_view receive(std::string_view bytes);

  void send(std::string_view packet);
  // Takes `block`, of malloc().
  void send_block(char* block, std::size_t size);
  // The message that send() has sent to the service; and before the socket is closed in order.
  void flush();
  // What waits in the socket.
  std::size_t unsent() const;
  // How fast the network takes what is sent; nothing: that is not known.
  std::optional<runtime_send_progress> progress() const;

 private:
  // A record has 16 KB at most.
  static constexpr std::size_t kGatherBytes = 16 * 1024;
  static constexpr std::size_t kKeptBytes = 1024 * 1024;

  void to_socket(std::string_view bytes);
  void encrypt();
  void send_outgoing();

  skynet_context* const context_;
  int socket_ = -1;
  bool woken_ = false;  // a message to the own service is on its way
  std::unique_ptr<Secure> secure_;
  std::string gathered_;  // packets to be encrypted
  std::string plain_;     // what came, decrypted
};

}  // namespace runtime::cluster
