#include "services/wsgate/gate_thread.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/batch_thread.h"
#include "base/clock.h"
#include "base/start_thread.h"
#include "tls/suites.h"

namespace runtime::wsgate {

namespace {

// Bytes that one read takes from a socket, for all connections of the thread together.
constexpr unsigned kReadBytes = 64 * 1024;
// Descriptors beyond the connections: the listener, the event pipe, handshakes that are going on.
constexpr unsigned kSpareDescriptors = 256;

constexpr const char* kFileProtocol = "wsgate-file";

}  // namespace

// ---- life ---------------------------------------------------------------------------------------

GateThread::GateThread(Shared& shared, int index, int count)
    : shared_(shared),
      outbox_(shared.addresses),
      id_step_(count),
      next_id_(index + 1),
      received_(kReadBytes) {}

GateThread::~GateThread() { stop(); }

std::string GateThread::prepare() {
  const Options& options = shared_.options;
  const auto timeout = static_cast<std::uint16_t>(options.timeout.count());
  protocols_.push_back(
      {kPeerProtocol, on_event, sizeof(Connection*), 0, 0, nullptr, 2 * kBatchBytes});
  protocols_.push_back({kFileProtocol, on_event, sizeof(Connection*), 0, 0, nullptr, 0});
  protocols_.push_back({nullptr, nullptr, 0, 0, 0, nullptr, 0});

  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.protocols = protocols_.data();
  info.gid = info.uid = static_cast<decltype(info.uid)>(-1);
  info.user = this;
  info.fd_limit_per_thread =
      static_cast<unsigned>(options.max_connections / id_step_) + kSpareDescriptors;
  info.pt_serv_buf_size = kReadBytes;
  info.timeout_secs = timeout;
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  if (options.is_secure) {
    unused_client_.reset(SSL_CTX_new(TLS_client_method()));
    info.provided_client_ssl_ctx = unused_client_.get();
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = options.certificate.c_str();
    info.ssl_private_key_filepath = options.private_key.c_str();
    info.ssl_cipher_list = tls::kForwardSecret;
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

lws* GateThread::adopt_file(int fd) {
  lws_sock_file_fd_type descriptor;
  descriptor.filefd = fd;
  return lws_adopt_descriptor_vhost(vhost_, LWS_ADOPT_RAW_FILE_DESC, descriptor, kFileProtocol,
                                    nullptr);
}

bool GateThread::listen(int fd, std::vector<GateThread*> threads) {
  accept_for_ = std::move(threads);
  listener_ = adopt_file(fd);
  if (listener_ == nullptr) return false;
  readable_.watch_for_library(fd);
  return true;
}

int GateThread::start() {
  // Signals are the business of the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = start_thread(thread_, [this] {
    pthread_setname_np(pthread_self(), "wsgate");
    Gathering().attach();
    while (!stopping_.load(std::memory_order_relaxed) && serve_round()) {
    }
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

bool GateThread::serve_round() {
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

void GateThread::stop() {
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

void GateThread::post(Command command) {
  bool was_empty;
  {
    const std::lock_guard lock(mutex_);
    was_empty = commands_.empty();
    commands_.push_back(std::move(command));
  }
  // One system call for all that follow until the thread comes round.
  if (was_empty) readable_.wake();
}

void GateThread::run_commands() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(commands_);
  }
  for (Command& command : running_) run(command);
  running_.clear();
  for (Connection* connection : dirty_) {
    connection->is_dirty = false;
    try_flush(*connection);
  }
  dirty_.clear();
}

void GateThread::run(Command& command) {
  if (command.kind == Command::Kind::adopt) return adopt(command.fd);
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

void GateThread::run(Command& command, Connection& connection) {
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

void GateThread::start(Connection& connection) {
  if (connection.is_started) return;
  connection.is_started = true;
  while (!connection.early.empty()) {
    deliver(connection, std::move(connection.early.front()));
    connection.early.pop_front();
  }
  connection.early_bytes = 0;
  resume(connection);
}

void GateThread::kick(Connection& connection) {
  constexpr std::string_view kNormal = "\x03\xe8";  // 1000
  say_goodbye(connection, kNormal);
  resume(connection);  // for the answer to the close frame
}

void GateThread::deliver(Connection& connection, Package package) {
  outbox_.deliver(connection.id, connection.agent, connection.client, std::move(package.bytes),
                  package.size);
}

void GateThread::enqueue(Connection& connection, Block data, std::size_t size) {
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

void GateThread::overflow(Connection& connection) {
  const bool closes = shared_.options.overflow == Overflow::close;
  // One line each time the number has doubled.
  if (std::has_single_bit(++connection.dropped)) {
    outbox_.log(fmt::format("{} {} ({}): {} bytes wait to be sent, {} messages dropped",
                            closes ? "Close" : "Drop a message to", connection.id,
                            connection.address, waiting_bytes(connection), connection.dropped));
  }
  if (!closes) return;
  report_closed(connection);
  cut(connection);
}

void GateThread::cut(Connection& connection) {
  connection.is_closing = connection.is_over = connection.is_gone = true;
  readable_.remove(connection);
  lws_set_timeout(connection.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

}  // namespace runtime::wsgate
