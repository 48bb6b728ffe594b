// The connection of a ClientLink: how it is made, how it ends, and what is due meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "cluster/client_link.h"
#include "skynet_server.h"
#include "skynet_socket.h"
#include "skynet_timer.h"

namespace runtime::cluster {

namespace {

constexpr std::uint64_t kConnectTicks = 500;  // an attempt takes no longer
constexpr std::uint64_t kMaxPauseTicks = 20;

}  // namespace

std::string ClientLink::address() const {
  if (host_.empty()) return "no address";
  return host_.find(':') == host_.npos ? fmt::format("{}:{}", host_, port_)
                                       : fmt::format("[{}]:{}", host_, port_);
}

void ClientLink::set_state(State state) {
  if (state_ == state) return;
  state_ = state;
  since_ = skynet_now();
}

void ClientLink::set_address(std::string host, int port) {
  if (host == host_ && port == port_ && state_ != State::down) return;
  const bool moved = !host_.empty();
  host_ = std::move(host);
  port_ = port;
  failures_ = 0;
  pause_ends_.reset();
  if (moved && socket_ >= 0) lost("its address has changed");
  set_state(State::idle);
  if (moved || !waiting_.empty()) connect();
}

void ClientLink::set_down(std::string_view why) {
  down_ = why;
  attempt_ends_.reset();
  pause_ends_.reset();
  disconnect();
  drop_waiting(why);
  set_state(State::down);
  // What was on its way when the connection ended may have arrived: at the address that ends only now.
  fail_all(Delivered::maybe, why);
  host_.clear();
  port_ = 0;
}

void ClientLink::set_unknown() {
  if (state_ == State::down) set_state(State::unknown);
}

void ClientLink::connect() {
  socket_ = skynet_socket_connect(context_, host_.c_str(), port_);
  if (socket_ < 0) return attempt_failed("no socket can be made");
  skynet_socket_nodelay(context_, socket_);
  if (options_.dead_after_seconds > 0)
    runtime_socket_dead_after(socket_, options_.dead_after_seconds);
  set_state(State::connecting);
  reached_ = false;
  const auto factory = secure_factory();
  wire_.open(socket_, factory == nullptr ? nullptr : factory->client(node_, host_));
  attempt_ends_ = skynet_now() + kConnectTicks;
  set_timer();
  // The socket keeps what it gets now until it is connected.
  if (wire_.is_ready()) send_waiting();
}

void ClientLink::send_waiting() {
  if (compression_.wanted()) offer_compression();
  std::deque<Waiting> waiting = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  for (Waiting& packet : waiting) {
    if (packet.call && calls_.count(packet.session) == 0) {
      std::free(packet.payload.data);  // its deadline has passed
    } else {
      send(std::move(packet));
    }
  }
}

void ClientLink::offer_compression() {
  offer_ = new_session();
  // A short string, packed.
  std::string query(1, static_cast<char>(4 + kCompressionName.size() * 8));
  query += kCompressionName;
  char head[kMaxHead];
  const std::size_t size = write_request(head, Target{}, offer_, query.size());
  outbox_.small({head, size}, query);
}

void ClientLink::connected() {
  attempt_ends_.reset();
  failures_ = 0;
  early_pushes_ = 0;
  ++connections_;
  set_state(State::up);
}

void ClientLink::disconnect() {
  if (socket_ >= 0) {
    // The peer shall hear why TLS has failed.
    const auto end = wire_.fault().empty() ? skynet_socket_shutdown : skynet_socket_close;
    end(context_, std::exchange(socket_, -1));
  }
  wire_.close();
  outbox_.close();
  splitter_ = {};
  compression_.forget();
  offer_ = 0;
}

void ClientLink::attempt_failed(std::string_view why) {
  last_error_ = why;
  attempt_ends_.reset();
  // Whoever set up the certificates shall find this, also when nobody waits for an answer.
  if (in_handshake())
    log("a connection failed", fmt::format("node {} at {}: {}", node_, address(), why));
  disconnect();
  drop_waiting(why);
  ++failures_;
  if (failures_ > 1) {
    pause_ends_ =
        skynet_now() +
        std::min<std::uint64_t>(std::uint64_t{1} << std::min(failures_ - 2, 8), kMaxPauseTicks);
    set_state(State::pausing);
    set_timer();
  } else {
    set_state(State::idle);
  }
  fail_all(Delivered::no, why);
}

void ClientLink::lost(std::string_view why) {
  if (state_ == State::connecting) return attempt_failed(why);
  last_error_ = why;
  skynet_error(context_, "cluster: the link to node %s at %s has ended: %.*s", node_.c_str(),
               address().c_str(), static_cast<int>(why.size()), why.data());
  // Of these not all parts have left, so they cannot have been delivered.
  for (const std::uint32_t session : outbox_.unsent_sessions()) fail(session, Delivered::no, why);
  disconnect();
  set_state(State::idle);
  fail_all(Delivered::maybe, why);
}

bool ClientLink::take_event(const skynet_socket_message& event, std::size_t size) {
  if (event.id != socket_) {
    // Of a connection that this link has given up.
    if (event.type == SKYNET_SOCKET_TYPE_DATA) std::free(event.buffer);
    return true;
  }
  const std::string_view text(reinterpret_cast<const char*>(&event + 1), size - sizeof(event));
  switch (event.type) {
    case SKYNET_SOCKET_TYPE_CONNECT:
      reached_ = true;
      if (wire_.is_ready()) connected();
      break;
    case SKYNET_SOCKET_TYPE_DATA: {
      const auto bytes = static_cast<std::size_t>(event.ud);
      runtime_socket_acknowledge(event.id, bytes);
      bytes_in_ += bytes;
      receive({event.buffer, bytes});
      std::free(event.buffer);
      break;
    }
    case SKYNET_SOCKET_TYPE_CLOSE:
      lost(in_handshake() ? "the peer closed the connection in the TLS handshake: does its config "
                            "have cluster_cert?"
                          : "the peer closed the connection");
      break;
    case SKYNET_SOCKET_TYPE_ERROR: lost(std::string(text.substr(0, text.find('\0')))); break;
    case SKYNET_SOCKET_TYPE_WARNING: outbox_.on_unsent(event.ud); break;
    default: break;
  }
  return true;
}

void ClientLink::receive(std::string_view bytes) {
  const std::string_view plain = wire_.receive(bytes);
  if (state_ == State::connecting && wire_.is_ready()) {
    connected();
    send_waiting();
  }
  const int socket = socket_;
  const char* fault = nullptr;
  splitter_.feed(plain, [&](std::string_view body) {
    fault = on_answer(body);
    return fault == nullptr && socket_ == socket;
  });
  if (socket_ != socket) return;
  if (fault != nullptr) return lost(fault);
  if (!wire_.fault().empty()) lost(std::string(wire_.fault()));
}

// ---- time ---------------------------------------------------------------------------------------

// One timer at a time, for whatever is due first.
void ClientLink::set_timer() {
  std::uint64_t due = UINT64_MAX;
  if (!deadlines_.empty()) due = deadlines_.begin()->first;
  if (attempt_ends_) due = std::min(due, *attempt_ends_);
  if (pause_ends_) due = std::min(due, *pause_ends_);
  if (due == UINT64_MAX || (timer_session_ != 0 && timer_due_ <= due)) return;
  const std::uint64_t now = skynet_now();
  // The other one cannot be called off: its answer is still to come.
  if (timer_session_ != 0) late_timers_.push_back(timer_session_);
  timer_session_ = skynet_context_newsession(context_);
  timer_due_ = due;
  skynet_timeout(skynet_context_handle(context_),
                 due > now ? static_cast<int>(std::min<std::uint64_t>(due - now, INT32_MAX)) : 1,
                 timer_session_);
}

bool ClientLink::take_timer(int session) {
  if (session == 0) return false;
  if (session != timer_session_) return std::erase(late_timers_, session) != 0;
  timer_session_ = 0;
  expire();
  set_timer();
  return true;
}

void ClientLink::expire() {
  const std::uint64_t now = skynet_now();
  if (attempt_ends_ && *attempt_ends_ <= now) {
    attempt_failed(in_handshake() ? "the TLS handshake is not done in 5 seconds: does its config "
                                    "have cluster_cert?"
                                  : "no connection in 5 seconds");
  }
  if (pause_ends_ && *pause_ends_ <= now) {
    pause_ends_.reset();
    set_state(State::idle);
    if (!waiting_.empty()) connect();
  }
  if (deadlines_.empty() || deadlines_.begin()->first > now) return;
  // What still waits here never leaves, once its call is gone.
  std::unordered_set<std::uint32_t> here;
  for (const Waiting& packet : waiting_) {
    if (packet.call) here.insert(packet.session);
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint32_t session = deadlines_.begin()->second;
    fail(session, here.count(session) != 0 ? Delivered::no : Delivered::maybe,
         "the deadline has passed");
  }
}

}  // namespace runtime::cluster
