#include "services/wsgate/io_thread.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/batch_thread.h"
#include "base/check.h"
#include "base/clock.h"
#include "services/wsgate/extension.h"
#include "services/wsgate/offer.h"

namespace runtime::wsgate {

namespace {

// Bytes that one read takes from a socket, for all connections of the thread together.
constexpr unsigned kReadBytes = 64 * 1024;
// libwebsockets gives a message in pieces of this size, and keeps a buffer of it for each
// connection.
constexpr std::size_t kPieceBytes = 4 * 1024;
// The head of a request; cookies and tokens may be long. A larger one ends the connection.
constexpr unsigned short kHeaderBytes = 16 * 1024;
// Descriptors beyond the connections: the listener, the event pipe, handshakes that are going on.
constexpr unsigned kSpareDescriptors = 256;
constexpr int kAcceptAtOnce = 64;
constexpr lws_usec_t kAcceptPause = 100 * LWS_US_PER_MS;  // when there are no descriptors left

constexpr unsigned kForbidden = 403;
constexpr unsigned kNotFound = 404;
constexpr unsigned kUpgradeRequired = 426;

constexpr const char* kFileProtocol = "wsgate-file";

// The value of a request's header field; empty when there is none.
std::string header(lws* wsi, lws_token_indexes token) {
  const int size = lws_hdr_total_length(wsi, token);
  if (size <= 0) return {};
  std::string value(static_cast<std::size_t>(size) + 1, '\0');
  const int copied = lws_hdr_copy(wsi, value.data(), size + 1, token);
  value.resize(static_cast<std::size_t>(std::max(copied, 0)));
  return value;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

// ---- life ---------------------------------------------------------------------------------------

IoThread::IoThread(Shared& shared, int index, int count)
    : shared_(shared), outbox_(shared.addresses), id_step_(count), next_id_(index + 1) {}

IoThread::~IoThread() { stop(); }

std::string IoThread::prepare() {
  const Options& options = shared_.options;
  const auto ping = static_cast<std::uint16_t>(options.ping.count());
  const auto timeout = static_cast<std::uint16_t>(options.timeout.count());
  if (ping != 0) {
    idle_policy_.secs_since_valid_ping = ping;
    idle_policy_.secs_since_valid_hangup = static_cast<std::uint16_t>(ping + timeout);
  }
  // The first is for requests that are none and for clients that ask for no sub-protocol.
  for (const std::string& name : options.protocols) {
    protocols_.push_back(
        {name.c_str(), on_event, sizeof(Connection*), kPieceBytes, 0, nullptr, 2 * kBatchBytes});
  }
  protocols_.push_back({kFileProtocol, on_event, sizeof(Connection*), 0, 0, nullptr, 0});
  protocols_.push_back({nullptr, nullptr, 0, 0, 0, nullptr, 0});

  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.protocols = protocols_.data();
  info.extensions = options.deflate ? kExtensions : nullptr;
  info.gid = info.uid = static_cast<decltype(info.uid)>(-1);
  info.user = this;
  info.fd_limit_per_thread =
      static_cast<unsigned>(options.max_connections / id_step_) + kSpareDescriptors;
  info.pt_serv_buf_size = kReadBytes;
  info.max_http_header_data = kHeaderBytes;
  info.timeout_secs = timeout;
  info.timeout_secs_ah_idle = timeout;
  info.keepalive_timeout = timeout;
  info.retry_and_idle_policy = ping != 0 ? &idle_policy_ : nullptr;
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  if (options.is_secure) {
    unused_client_.reset(SSL_CTX_new(TLS_client_method()));
    info.provided_client_ssl_ctx = unused_client_.get();
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = options.certificate.c_str();
    info.ssl_private_key_filepath = options.private_key.c_str();
    info.alpn = "http/1.1";
  }
  context_ = lws_create_context(&info);
  if (context_ == nullptr) return "libwebsockets cannot start";
  vhost_ = lws_create_vhost(context_, &info);
  if (vhost_ == nullptr) {
    return options.is_secure ? fmt::format("cannot use certificate {} with key {}",
                                           options.certificate, options.private_key)
                             : "libwebsockets cannot make a host";
  }
  if (!readable_.ok()) return "no descriptor is left";
  const int readable_events = fcntl(readable_.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (readable_events < 0 || adopt_file(readable_events) == nullptr) return "no descriptor is left";
  return {};
}

lws* IoThread::adopt_file(int fd) {
  lws_sock_file_fd_type descriptor;
  descriptor.filefd = fd;
  return lws_adopt_descriptor_vhost(vhost_, LWS_ADOPT_RAW_FILE_DESC, descriptor, kFileProtocol,
                                    nullptr);
}

bool IoThread::listen(int fd, std::vector<IoThread*> threads) {
  accept_for_ = std::move(threads);
  listener_ = adopt_file(fd);
  if (listener_ == nullptr) return false;
  readable_.watch_for_library(fd);
  return true;
}

void IoThread::start() {
  // Signals are the business of the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "wsgate");
    take_idle_cores_only();
    while (!stopping_.load(std::memory_order_relaxed) && serve_round()) {
    }
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool IoThread::serve_round() {
  constexpr int kWait = 0, kDoNotWait = -1;
  constexpr std::int64_t kLeftAloneNs = 2'000'000;
  constexpr int kPatienceMs = 1;
  run_commands();
  const bool may_wait = outbox_.size() == 0 && held_back_.empty();
  leave_to_library_ = false;
  if (lws_service(context_, may_wait ? kWait : kDoNotWait) < 0) return false;
  const std::int64_t end = monotonic_ns() + kLeftAloneNs;
  bool has_read = read_connections(0);
  while (has_read && !leave_to_library_ && monotonic_ns() < end) {
    run_commands();
    // Packages are held as long as sockets bring more: the more leave together, the fewer times
    // their receivers are woken.
    if (outbox_.size() > 1 && read_connections(0)) continue;
    outbox_.flush();
    has_read = read_connections(kPatienceMs);
  }
  if (!has_read) outbox_.flush();
  return true;
}

void IoThread::stop() {
  stopping_ = true;
  if (thread_.joinable()) {
    readable_.wake();
    thread_.join();
  }
  if (context_ != nullptr) lws_context_destroy(context_);
  context_ = nullptr;
  for (const Command& command : commands_) {
    if (command.fd >= 0) ::close(command.fd);
  }
  commands_.clear();
}

// ---- commands -----------------------------------------------------------------------------------

void IoThread::post(Command command) {
  bool was_empty;
  {
    const std::lock_guard lock(mutex_);
    was_empty = commands_.empty();
    commands_.push_back(std::move(command));
  }
  // One system call for all that follow until the thread comes round.
  if (was_empty) readable_.wake();
}

void IoThread::run_commands() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(commands_);
  }
  for (Command& command : running_) run(command);
  running_.clear();
  for (Connection* connection : dirty_) {
    connection->is_dirty = false;
    if (!flush(*connection)) cut(*connection);
  }
  dirty_.clear();
}

void IoThread::run(Command& command) {
  if (command.kind == Command::Kind::adopt) {
    lws* const wsi = lws_adopt_socket_vhost(vhost_, command.fd);  // closes it when it fails
    if (wsi != nullptr) {
      readable_.watch_for_library(command.fd);
      const std::chrono::microseconds time = shared_.options.timeout;
      lws_set_timer_usecs(wsi, static_cast<lws_usec_t>(time.count()));
    }
    return;
  }
  if (command.kind == Command::Kind::stop_listening) {
    if (listener_ != nullptr) {
      lws_set_timeout(listener_, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    }
    return;
  }
  const auto found = connections_.find(command.id);
  if (found != connections_.end()) return run(command, *found->second);
  // A message to a connection that has just ended is nobody's mistake.
  const bool has_been = command.id > 0 && command.id < next_id_;
  if (command.kind == Command::Kind::write && !has_been) {
    outbox_.log(fmt::format("Invalid client id {} from {:x}", command.id, command.source));
  }
}

void IoThread::run(Command& command, Connection& connection) {
  switch (command.kind) {
    case Command::Kind::start: start(connection); break;
    case Command::Kind::forward:
      connection.agent = command.agent;
      connection.client = command.client;
      break;
    case Command::Kind::kick: kick(connection); break;
    case Command::Kind::write: enqueue(connection, std::move(command.data), command.size); break;
    default: break;
  }
}

void IoThread::start(Connection& connection) {
  if (connection.is_started) return;
  connection.is_started = true;
  while (!connection.early.empty()) {
    deliver(connection, std::move(connection.early.front()));
    connection.early.pop_front();
  }
  connection.early_bytes = 0;
  resume(connection);
}

void IoThread::kick(Connection& connection) {
  connection.is_closing = true;
  report_closed(connection);
  resume(connection);  // for the answer to the close frame
  lws_callback_on_writable(connection.wsi);
  // A peer that does not read keeps the connection no longer than this.
  lws_set_timeout(connection.wsi, PENDING_TIMEOUT_CLOSE_SEND,
                  static_cast<int>(shared_.options.timeout.count()));
}

void IoThread::deliver(Connection& connection, Package package) {
  outbox_.deliver(connection.id, connection.agent, connection.client, std::move(package.bytes),
                  package.size);
}

void IoThread::enqueue(Connection& connection, Block data, std::size_t size) {
  const Options& options = shared_.options;
  if (connection.is_closing) return;
  if (size > options.max_unsent || waiting_bytes(connection) > options.max_unsent - size) {
    return overflow(connection);
  }
  connection.unsent_bytes += size;
  connection.unsent.push_back({std::move(data), size});
  if (connection.is_dirty) return;
  connection.is_dirty = true;
  dirty_.push_back(&connection);
}

void IoThread::overflow(Connection& connection) {
  const bool closes = shared_.options.overflow == Overflow::close;
  // One line each time the number has doubled.
  if (std::has_single_bit(++connection.dropped)) {
    outbox_.log(fmt::format("{} {} ({}): {} bytes wait to be sent, {} messages dropped",
                            closes ? "Close" : "Drop a message to", connection.id,
                            connection.address, waiting_bytes(connection), connection.dropped));
  }
  if (!closes) return;
  connection.is_closing = true;
  report_closed(connection);
  cut(connection);
}

void IoThread::cut(Connection& connection) {
  lws_set_timeout(connection.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

// ---- beginnings and ends ------------------------------------------------------------------------

int IoThread::on_acceptable(lws* listener) {
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
    IoThread& owner = *accept_for_[next_thread_++ % accept_for_.size()];
    Command command{.kind = Command::Kind::adopt, .fd = accepted};
    if (&owner == this) {
      run(command);
    } else {
      owner.post(std::move(command));
    }
  }
  return 0;
}

int IoThread::on_timer(lws* wsi, Connection** slot) {
  if (wsi == listener_) {
    lws_rx_flow_control(wsi, 1);
    return 0;
  }
  const bool is_established = slot != nullptr && *slot != nullptr && (*slot)->id != 0;
  return is_established ? 0 : -1;
}

// A request that asks for a WebSocket, before its answer. 1: it has been refused.
int IoThread::on_request(lws* wsi) {
  const Options& options = shared_.options;
  unsigned status = 0;
  if (!options.path.empty() && header(wsi, WSI_TOKEN_GET_URI) != options.path) status = kNotFound;
  if (status == 0 && !is_allowed_origin(wsi)) status = kForbidden;
  if (status == 0) return 0;
  lws_return_http_status(wsi, status, nullptr);
  return 1;
}

bool IoThread::is_allowed_origin(lws* wsi) const {
  const std::vector<std::string>& origins = shared_.options.origins;
  if (origins.empty()) return true;
  const std::string origin = header(wsi, WSI_TOKEN_ORIGIN);
  return std::any_of(origins.begin(), origins.end(), [&](const std::string& allowed) {
    return equal_ignoring_case(origin, allowed);
  });
}

int IoThread::on_handshake(lws* wsi, Connection** slot) {
  if (shared_.connections.fetch_add(1) >= shared_.options.max_connections) {
    shared_.connections.fetch_sub(1);
    return -1;
  }
  *slot = new Connection(wsi);
  (*slot)->address = peer_address(wsi);
  return 0;
}

std::string IoThread::peer_address(lws* wsi) const {
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
  std::string real;
  if (shared_.options.trusts_proxy) real = header(wsi, WSI_TOKEN_HTTP_X_REAL_IP);
  return fmt::format("{}:{}", real.empty() ? ip : real, port);
}

int IoThread::on_established(Connection& connection) {
  if (!readable_.add(connection, ReadSet::Watch::bytes_and_end)) return -1;
  lws_rx_flow_control(connection.wsi, 0);
  held_back_.push_back(&connection);  // frames may have come with the request
  lws_set_timer_usecs(connection.wsi, LWS_SET_TIMER_USEC_CANCEL);
  connection.id = next_id_;
  // Ids stay positive, as those of sockets; one that is still in use is passed over.
  do {
    next_id_ = next_id_ > INT_MAX - id_step_ ? next_id_ % id_step_ + id_step_ : next_id_ + id_step_;
  } while (connections_.contains(next_id_));
  connections_.emplace(connection.id, &connection);
  outbox_.tell_watchdog(connection.id,
                        fmt::format("open {} {}:0", connection.id, connection.address));
  return 0;
}

void IoThread::report_closed(Connection& connection) {
  if (connections_.erase(connection.id) == 0 || stopping_) return;
  outbox_.tell_watchdog(connection.id, "close");
}

// Libwebsockets begins to end the connection, which may take until the peer answers a close frame.
// When the handshake was never finished, it says no more than this.
void IoThread::on_ending(Connection** slot) {
  if (slot == nullptr || *slot == nullptr) return;
  if ((*slot)->id == 0) return release(slot);
  on_ending(**slot);
}

void IoThread::on_ending(Connection& connection) {
  connection.is_closing = connection.said_goodbye = true;
  report_closed(connection);
}

void IoThread::release(Connection** slot) {
  if (slot == nullptr || *slot == nullptr) return;
  report_closed(**slot);
  readable_.remove(**slot);
  std::erase(held_back_, *slot);
  if (reading_ == *slot) reading_ = nullptr;
  if ((*slot)->is_dirty) std::erase(dirty_, *slot);
  delete *slot;
  *slot = nullptr;
  shared_.connections.fetch_sub(1);
}

// ---- libwebsockets' events ----------------------------------------------------------------------

int IoThread::on_event(lws* wsi, lws_callback_reasons reason, void* user, void* in,
                       std::size_t size) {
  auto* const self = static_cast<IoThread*>(lws_context_user(lws_get_context(wsi)));
  return self->handle(wsi, reason, static_cast<Connection**>(user),
                      {static_cast<const char*>(in), in != nullptr ? size : 0});
}

int IoThread::handle(lws* wsi, lws_callback_reasons reason, Connection** slot,
                     std::string_view in) {
  switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:  // that of the listener, or of readable_
      return wsi == listener_ ? on_acceptable(wsi) : 0;
    case LWS_CALLBACK_TIMER: return on_timer(wsi, slot);
    case LWS_CALLBACK_RAW_CLOSE_FILE:
      if (wsi == listener_) listener_ = nullptr;
      return 0;

    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return on_request(wsi);
    case LWS_CALLBACK_HTTP:  // no upgrade was asked for
      lws_return_http_status(wsi, kUpgradeRequired, nullptr);
      return -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return on_handshake(wsi, slot);
    case LWS_CALLBACK_CONFIRM_EXTENSION_OKAY:
      return is_acceptable_offer(header(wsi, WSI_TOKEN_EXTENSIONS)) ? 0 : 1;
    case LWS_CALLBACK_ESTABLISHED: return on_established(**slot);

    case LWS_CALLBACK_RECEIVE: return on_received(**slot, in);
    case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(**slot);

    case LWS_CALLBACK_CLOSED: release(slot); return 0;
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL: on_ending(slot); return 0;

    default: return 0;
  }
}

}  // namespace runtime::wsgate
