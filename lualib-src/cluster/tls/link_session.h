// TLS of one link between nodes.
//
// A server says that it has accepted the client with one byte, the first one under TLS: with TLS 1.3 a client's
// handshake is done before the server has looked at its certificate, and what it sent then would be lost if that is
// refused.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/secure.h"
#include "tls/session.h"

namespace runtime::cluster {

// What ALPN calls the protocol, with its length in front.
inline constexpr std::string_view kProtocolList = "\x10skynet-cluster/1";

class LinkSession : public Secure {
 public:
  // Whom a client expects: the certificate must have one of these names. Both empty: any will do.
  struct Expected {
    std::string node, host;
  };

  // RFC 8446 (5.5) has keys of AES-GCM changed before 2^24.5 records.
  static constexpr std::uint64_t kRecordsOfAKey = std::uint64_t{1} << 24;

  LinkSession(tls::Role role, SSL_CTX* context, Expected expected = {},
              std::uint64_t records_of_a_key = kRecordsOfAKey);

  void feed(std::string_view bytes, std::string* plain) override;
  bool is_ready() const override { return ready_; }
  void write(std::string_view plain) override;
  std::string_view outgoing() override;
  void drop_outgoing() override { session_.drop_outgoing(); }
  char* take_outgoing() override { return session_.take_outgoing(); }
  std::string_view fault() const override { return fault_; }
  std::string_view version() const override { return session_.version(); }

 private:
  static constexpr std::size_t kMaxRecord = 16 * 1024;

  bool check(const tls::Outcome& outcome);
  void read(std::string* plain);
  void shake_hands();
  bool accept_peer();

  const tls::Role role_;
  const Expected expected_;
  const std::uint64_t records_of_a_key_;
  tls::Session session_;
  bool heard_ = false;     // bytes have come
  bool finished_ = false;  // the handshake
  bool ready_ = false;
  std::uint64_t records_ = 0;  // written with the present key
  std::string fault_;
  char record_[kMaxRecord];
};

}  // namespace runtime::cluster
