// The part of an I/O thread that begins and ends connections.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/clock.h"
#include "http/head.h"
#include "services/wsgate/gate_thread.h"
#include "services/wsgate/handshake.h"

namespace runtime::wsgate {

namespace {

constexpr int kAcceptAtOnce = 64;
constexpr lws_usec_t kAcceptPause = 100 * LWS_US_PER_MS;  // when there are no descriptors left
// How long a peer may take to end after us, or after a refusal.
constexpr std::chrono::seconds kLinger{5};

std::string peer_address(lws* wsi, std::string_view real_ip) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char ip[INET6_ADDRSTRLEN] = "?";
  unsigned port = 0;
  if (getpeername(lws_get_socket_fd(wsi), reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    if (address.ss_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
      inet_ntop(AF_INET, &v4.sin_addr, ip, sizeof ip);
      port = ntohs(v4.sin_port);
    } else {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
      inet_ntop(AF_INET6, &v6.sin6_addr, ip, sizeof ip);
      port = ntohs(v6.sin6_port);
    }
  }
  return fmt::format("{}:{}", real_ip.empty() ? ip : real_ip, port);
}

}  // namespace

int GateThread::on_acceptable(lws* listener) {
  const int fd = lws_get_socket_fd(listener);
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    const int accepted = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return 0;
      if (!accept_failed_) outbox_.log(fmt::format("accept failed: {}", strerror(errno)));
      accept_failed_ = true;
      lws_rx_flow_control(listener, 0);
      lws_set_timer_usecs(listener, kAcceptPause);
      return 0;
    }
    accept_failed_ = false;
    if (shared_.connections >= shared_.options.max_connections) {
      ::close(accepted);
      continue;
    }
    // Or a message waits for the peer to acknowledge the one before, which it may put off for 40
    // ms.
    const int on = 1;
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    GateThread& owner = *accept_for_[next_thread_++ % accept_for_.size()];
    Command command{.kind = Command::Kind::adopt, .fd = accepted};
    if (&owner == this) {
      run(command);
    } else {
      owner.post(std::move(command));
    }
  }
  return 0;
}

void GateThread::adopt(int fd) {
  lws_sock_file_fd_type descriptor;
  descriptor.sockfd = fd;
  const int type = LWS_ADOPT_SOCKET | (shared_.options.is_secure ? LWS_ADOPT_ALLOW_SSL : 0);
  // Closes it when it fails.
  lws* const wsi = lws_adopt_descriptor_vhost(vhost_, static_cast<lws_adoption_type>(type),
                                              descriptor, kPeerProtocol, nullptr);
  if (wsi == nullptr) return;
  auto* const connection = new Connection(wsi);
  *static_cast<Connection**>(lws_wsi_user(wsi)) = connection;
  readable_.watch_for_library(fd);
  set_timer(*connection, shared_.options.timeout);
}

void GateThread::set_timer(const Connection& connection, std::chrono::nanoseconds time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  lws_set_timer_usecs(connection.wsi, std::max<lws_usec_t>(us, 1));
}

int GateThread::on_timer(lws* wsi, Connection** slot) {
  if (wsi == listener_) {
    lws_rx_flow_control(wsi, 1);
    return 0;
  }
  if (slot == nullptr || *slot == nullptr) return -1;
  Connection& connection = **slot;
  if (connection.id != 0 && !connection.is_closing && check_life(connection)) return 0;
  report_closed(connection);
  return -1;
}

bool GateThread::check_life(Connection& connection) {
  const std::chrono::nanoseconds ping = shared_.options.ping, timeout = shared_.options.timeout;
  const std::chrono::nanoseconds silence(monotonic_ns() - connection.heard_ns);
  if (silence < ping) {
    set_timer(connection, ping - silence);
    return true;
  }
  if (silence >= ping + timeout) return false;
  if (!std::exchange(connection.is_pinged, true)) {
    send_control(connection, websocket::kPing, {});
    if (!flush(connection)) return false;
  }
  set_timer(connection, ping + timeout - silence);
  return true;
}

int GateThread::on_handshake(Connection& connection, std::string_view bytes) {
  constexpr int kSwitching = 101, kHeadTooLarge = 431;
  if (connection.is_refused) return 0;
  connection.head.append(bytes);
  const std::size_t size = http::head_size(connection.head);
  if ((size != 0 ? size : connection.head.size()) > kMaxHead) {
    return refuse(connection, refusal(kHeadTooLarge));
  }
  if (size == 0) return 0;
  const std::string head = std::move(connection.head);
  connection.head = {};
  const Handshake handshake =
      answer_request(std::string_view(head).substr(0, size), shared_.options);
  if (handshake.status != kSwitching) return refuse(connection, handshake.answer);
  if (shared_.connections.fetch_add(1) >= shared_.options.max_connections) {
    shared_.connections.fetch_sub(1);
    return -1;
  }
  connection.address = peer_address(
      connection.wsi, shared_.options.trusts_proxy ? handshake.real_ip : std::string());
  if (handshake.deflate) {
    connection.deflate = std::make_unique<Deflate>();
    if (handshake.forgets_sent) connection.deflate->forget_sent();
    if (handshake.forgets_received) connection.deflate->forget_received();
  }
  std::string answer = handshake.answer;
  if (lws_write(connection.wsi, reinterpret_cast<unsigned char*>(answer.data()), answer.size(),
                LWS_WRITE_RAW) < 0) {
    shared_.connections.fetch_sub(1);
    return -1;
  }
  return on_established(connection, std::string_view(head).substr(size));
}

// The peer reads the answer before it sees an end: closed with bytes of it unread, a connection is
// reset. So what it sends is thrown away until it ends, for a while.
int GateThread::refuse(Connection& connection, std::string_view answer) {
  connection.is_refused = true;
  connection.head = {};
  std::string text(answer);
  if (lws_write(connection.wsi, reinterpret_cast<unsigned char*>(text.data()), text.size(),
                LWS_WRITE_RAW) < 0) {
    return -1;
  }
  shut(connection);
  return 0;
}

// `more` came with the request.
int GateThread::on_established(Connection& connection, std::string_view more) {
  connection.id = next_id_;
  // Ids stay positive, as those of sockets; one that is still in use is passed over.
  do {
    next_id_ = next_id_ > INT_MAX - id_step_ ? next_id_ % id_step_ + id_step_ : next_id_ + id_step_;
  } while (connections_.contains(next_id_));
  connections_.emplace(connection.id, &connection);
  outbox_.tell_watchdog(connection.id,
                        fmt::format("open {} {}:0", connection.id, connection.address));
  if (!readable_.add(connection, ReadSet::Watch::bytes_and_end)) return -1;
  lws_rx_flow_control(connection.wsi, 0);
  held_back_.push_back(&connection);

  const std::size_t max = shared_.options.max_message;
  const bool deflates = connection.deflate != nullptr;
  // What does not compress gets a little larger by being compressed.
  connection.decoder.emplace(deflates ? max + max / 256 + 64 : max,
                             websocket::Decoder::Rules::masked, deflates);
  connection.heard_ns = monotonic_ns();
  if (shared_.options.ping.count() != 0) {
    set_timer(connection, shared_.options.ping);
  } else {
    lws_set_timer_usecs(connection.wsi, LWS_SET_TIMER_USEC_CANCEL);
  }
  if (!more.empty()) on_bytes(connection, more);
  return 0;
}

void GateThread::report_closed(Connection& connection) {
  if (connections_.erase(connection.id) == 0 || stopping_) return;
  outbox_.tell_watchdog(connection.id, "close");
}

void GateThread::shut(Connection& connection) {
  if (std::exchange(connection.is_shut, true)) return;
  if (SSL* const tls = lws_get_ssl(connection.wsi)) SSL_shutdown(tls);
  ::shutdown(lws_get_socket_fd(connection.wsi), SHUT_WR);
  set_timer(connection, std::min<std::chrono::seconds>(kLinger, shared_.options.timeout));
}

void GateThread::on_end(Connection& connection) {
  report_closed(connection);
  if (waiting_bytes(connection) == 0 || connection.is_shut) return cut(connection);
  // Bytes for the peer are stuck, and it may still take them for a while.
  connection.is_closing = connection.is_over = connection.is_gone = true;
  readable_.remove(connection);
  set_timer(connection, kLinger);
  lws_callback_on_writable(connection.wsi);
}

void GateThread::release(Connection** slot) {
  if (slot == nullptr || *slot == nullptr) return;
  Connection& connection = **slot;
  report_closed(connection);
  readable_.remove(connection);
  std::erase(held_back_, &connection);
  if (connection.is_dirty) std::erase(dirty_, &connection);
  if (connection.id != 0) shared_.connections.fetch_sub(1);
  delete *slot;
  *slot = nullptr;
}

// ---- libwebsockets' events ----------------------------------------------------------------------

int GateThread::on_event(lws* wsi, lws_callback_reasons reason, void* user, void* in,
                         std::size_t size) {
  auto* const self = static_cast<GateThread*>(lws_context_user(lws_get_context(wsi)));
  return self->handle(wsi, reason, static_cast<Connection**>(user),
                      {static_cast<const char*>(in), in != nullptr ? size : 0});
}

int GateThread::handle(lws* wsi, lws_callback_reasons reason, Connection** slot,
                       std::string_view in) {
  switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:  // that of the listener, or of readable_
      return wsi == listener_ ? on_acceptable(wsi) : 0;
    case LWS_CALLBACK_TIMER: return on_timer(wsi, slot);
    case LWS_CALLBACK_RAW_CLOSE_FILE:
      if (wsi == listener_) listener_ = nullptr;
      return 0;

    case LWS_CALLBACK_RAW_RX: return on_handshake(**slot, in);
    case LWS_CALLBACK_RAW_WRITEABLE: return on_writable(**slot);
    case LWS_CALLBACK_RAW_CLOSE: release(slot); return 0;

    default: return 0;
  }
}

}  // namespace runtime::wsgate
