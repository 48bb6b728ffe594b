#include "cluster/tls/link_session.h"

#include <utility>

namespace runtime::cluster {

namespace {

constexpr std::string_view kAccepted("\x01", 1);

// The types of TLS records are 0x14 to 0x17.
bool is_record(char first) { return first >= 0x14 && first <= 0x17; }

}  // namespace

LinkSession::LinkSession(tls::Role role, SSL_CTX* context, Expected expected,
                         std::uint64_t records_of_a_key)
    : role_(role),
      expected_(std::move(expected)),
      records_of_a_key_(records_of_a_key),
      session_(role, context) {
  if (!session_.is_open()) fault_ = "TLS: no memory for a session";
}

bool LinkSession::check(const tls::Outcome& outcome) {
  if (outcome.ok) return true;
  fault_ = std::string(ready_ ? "TLS: " : "the TLS handshake has failed: ") + outcome.text;
  return false;
}

void LinkSession::feed(std::string_view bytes, std::string* plain) {
  if (!fault_.empty()) return;
  if (!heard_ && !bytes.empty()) {
    heard_ = true;
    if (!is_record(bytes.front())) {
      fault_ = "the port has no TLS: does the config of its node have cluster_cert?";
      return;
    }
  }
  session_.lend(bytes);
  read(plain);
  session_.keep_lent();
}

void LinkSession::read(std::string* plain) {
  if (!finished_) shake_hands();
  if (!finished_ || !fault_.empty()) return;
  for (;;) {
    std::size_t size = 0;
    if (!check(session_.read(record_, sizeof record_, &size)) || size == 0) return;
    std::string_view text(record_, size);
    if (!ready_) {
      if (text.front() != kAccepted.front()) {
        fault_ = "the port speaks TLS, but it is not a cluster's";
        return;
      }
      ready_ = true;
      text.remove_prefix(1);
    }
    plain->append(text);
    if (!session_.has_more()) return;
  }
}

void LinkSession::shake_hands() {
  if (!check(session_.handshake()) || !session_.is_finished()) return;
  finished_ = true;
  if (!accept_peer() || role_ == tls::Role::client) return;
  ready_ = check(session_.write(kAccepted));
}

// What the handshake has not looked at.
bool LinkSession::accept_peer() {
  if (session_.protocol() != kProtocolList.substr(1)) {
    fault_ = "the peer speaks TLS, but not as a node of a cluster";
  } else if ((!expected_.node.empty() || !expected_.host.empty()) &&
             !session_.peer_is(expected_.node.c_str()) &&
             !session_.peer_is(expected_.host.c_str())) {
    fault_ = "the certificate of the peer is neither for " + expected_.node + " nor for " +
             expected_.host;
  }
  return fault_.empty();
}

void LinkSession::write(std::string_view plain) {
  if (!fault_.empty()) return;
  records_ += 1 + plain.size() / kMaxRecord;
  if (records_ > records_of_a_key_) {
    records_ = 0;
    if (!check(session_.change_keys())) return;
  }
  check(session_.write(plain));
}

std::string_view LinkSession::outgoing() {
  return session_.is_open() ? session_.outgoing() : std::string_view{};
}

}  // namespace runtime::cluster
