#include "net/socket_server.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace runtime {
namespace {

void set_option(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
}

// -1 with errno.
int failed(int error) {
  errno = error;
  return -1;
}

// Closes `fd`, which is of no use any more: -1, and errno tells why, as before.
int close_failed(int fd) {
  const int error = errno;
  close(fd);
  return failed(error);
}

// A socket bound to `address`, or -1 with errno.
int bound_socket(int type, const Address& address) {
  const int fd = ::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  if (::bind(fd, address.get(), address.size()) == 0) return fd;
  return close_failed(fd);
}

}  // namespace

// ---- life --------------------------------------------------------------------------------------

SocketServer::SocketServer(const SocketServerOptions& options)
    : options_(options), events_(options.host), table_(options.max_sockets) {
  RUNTIME_CHECK(options.io_threads >= 1, "there is at least one I/O thread");
}

SocketServer::~SocketServer() { stop(); }

int SocketServer::ensure_started() {
  if (started_.load(std::memory_order_acquire)) return 0;
  const std::lock_guard lock(start_mutex_);
  if (stopped_) return ECANCELED;
  if (started_.load(std::memory_order_relaxed)) return 0;
  for (int i = 0; i < options_.io_threads; ++i) {
    threads_.push_back(
        std::make_unique<IoThread>(events_, table_, dead_, options_.claim.count(), threads_));
  }
  for (const auto& thread : threads_) {
    const int error = thread->start(events_.lends() && thread == threads_.front());
    if (error == 0) continue;
    events_.log("socket-server error: the I/O threads cannot be started: " +
                std::string(std::strerror(error)));
    for (const auto& started : threads_) started->stop();
    threads_.clear();
    return error;
  }
  events_.lend(threads_.front().get());
  resolver_ = std::make_unique<Resolver>([this](int id, Resolved resolved) {
    tell(Command::Kind::connect, id, 0, std::move(resolved));
  });
  started_.store(true, std::memory_order_release);
  return 0;
}

bool SocketServer::wait_until_sent(std::chrono::milliseconds limit) {
  if (!started_.load(std::memory_order_acquire)) return true;
  constexpr std::chrono::milliseconds kBetweenLooks{2};
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    bool all_sent = true;
    table_.for_each([&](Socket& socket) {
      const Socket::Lock lock(socket.mutex);
      if (socket.unsent() > 0 && socket.write_error == 0 && socket.life != Socket::Life::ended) {
        all_sent = false;
      }
    });
    if (all_sent || std::chrono::steady_clock::now() >= end) return all_sent;
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

void SocketServer::stop() {
  const std::lock_guard lock(start_mutex_);
  if (std::exchange(stopped_, true)) return;
  resolver_.reset();
  events_.lend(nullptr);
  for (const auto& thread : threads_) thread->stop();
  started_.store(false, std::memory_order_relaxed);
  table_.for_each([this](Socket& socket) {
    {
      Socket::Lock socket_lock(socket.mutex);
      socket.blocked = false;
      if (socket.can_write() && !socket.out.empty()) socket.flush(socket_lock);
    }
    IoThread::dispose(table_, socket);
  });
}

// ---- making sockets ----------------------------------------------------------------------------

// A socket that is `reserved`, with its poller; null, with errno, when that is not possible.
Socket* SocketServer::reserve() {
  if (const int error = ensure_started(); error != 0) {
    errno = error;
    return nullptr;
  }
  Socket* socket = table_.reserve();
  if (socket == nullptr) {
    events_.log("socket-server error: reach skynet socket number limit");
    errno = EMFILE;
    return nullptr;
  }
  const Socket::Lock lock(socket->mutex);
  socket->poller = &thread_of(socket->id).poller();
  return socket;
}

// Makes the I/O thread watch a new socket, or tell the owner why it cannot.
void SocketServer::arm(Socket& socket, int id) {
  bool settle, file;
  {
    const Socket::Lock lock(socket.mutex);
    if (socket.id != id) return;
    if (const int error = socket.update_interest(); error != 0) socket.write_error = error;
    settle = socket.must_settle();
    file = socket.always_ready;
  }
  if (settle) tell(Command::Kind::settle, id);
  if (file) tell(Command::Kind::read, id);
}

int SocketServer::connect(Handle owner, std::string_view host, int port) {
  if (host.size() > kMaxHostBytes) {
    events_.log("socket-server error: Invalid addr " + std::string(host));
    return failed(EINVAL);
  }
  Socket* socket = reserve();
  if (socket == nullptr) return -1;
  const int id = socket->id;
  {
    const Socket::Lock lock(socket->mutex);
    socket->owner = owner;
    socket->life = Socket::Life::connecting;
    socket->reading = true;
  }
  std::string name(host);
  if (const auto numeric = Address::parse(name, port)) {
    tell(Command::Kind::connect, id, 0, {{*numeric}, {}});
  } else {
    resolver_->resolve(id, std::move(name), port);
  }
  return id;
}

int SocketServer::listen(Handle owner, std::string_view host, int port, int backlog) {
  flush_thread();
  int fd = -1;
  int error = 0;
  for (const Address& address :
       resolve_here(std::string(host), port, SOCK_STREAM, ResolveFor::own_end).addresses) {
    fd = bound_socket(SOCK_STREAM, address);
    if (fd < 0) {
      error = errno;
      continue;
    }
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE);  // accepted connections inherit it
    if (::listen(fd, backlog) == 0) break;
    error = errno;
    ::close(std::exchange(fd, -1));
  }
  if (fd < 0) return failed(error);
  Socket* socket = reserve();
  if (socket == nullptr) return close_failed(fd);
  const int id = socket->id;
  const Address bound = Address::local_of(fd);
  {
    const Socket::Lock lock(socket->mutex);
    socket->fd = fd;
    socket->owner = owner;
    socket->kind = Socket::Kind::listen;
    socket->remote = bound;
    socket->life = Socket::Life::idle;
  }
  {
    const std::lock_guard lock(listeners_mutex_);
    std::erase_if(listeners_, [this](int one) { return table_.find(one) == nullptr; });
    listeners_.push_back(id);
  }
  events_.text(owner, kSocketConnect, id, bound.port(), bound.host_text());
  return id;
}

int SocketServer::bind(Handle owner, int fd) {
  const int flags = fcntl(fd, F_GETFL);
  const int flags_error = flags < 0 ? errno : 0;
  Socket* socket = reserve();
  if (socket == nullptr) return -1;
  const int id = socket->id;
  if (flags_error != 0) {
    events_.text(owner, kSocketError, id, 0, std::strerror(flags_error));
    table_.release(*socket);
    return id;
  }
  {
    const Socket::Lock lock(socket->mutex);
    socket->fd = fd;
    socket->owner = owner;
    socket->kind = Socket::Kind::file;
    socket->life = Socket::Life::open;
    socket->connected = true;
    socket->reading = true;
    if ((flags & O_NONBLOCK) == 0) {
      socket->saved_file_flags = flags;
      fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    }
  }
  // Before the first bytes.
  events_.text(owner, kSocketConnect, id, 0, "binding");
  arm(*socket, id);
  return id;
}

int SocketServer::open_udp(Handle owner, int family, const Address* bind_to,
                           const Address& remote) {
  const int fd = bind_to != nullptr
                     ? bound_socket(SOCK_DGRAM, *bind_to)
                     : ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  Socket* socket = reserve();
  if (socket == nullptr) return close_failed(fd);
  const int id = socket->id;
  {
    const Socket::Lock lock(socket->mutex);
    socket->fd = fd;
    socket->owner = owner;
    socket->kind = Socket::Kind::udp;
    socket->family = family;
    socket->remote = remote;
    socket->life = Socket::Life::open;
    socket->connected = true;
    socket->reading = true;
  }
  arm(*socket, id);
  return id;
}

int SocketServer::udp(Handle owner, std::string_view host, int port) {
  if (host.empty() && port == 0) return open_udp(owner, AF_INET, nullptr, {});
  flush_thread();
  int error = 0;
  for (const Address& address :
       resolve_here(std::string(host), port, SOCK_DGRAM, ResolveFor::own_end).addresses) {
    const int id = open_udp(owner, address.family(), &address, {});
    if (id >= 0) return id;
    error = errno;
  }
  return failed(error);
}

int SocketServer::udp_listen(Handle owner, std::string_view host, int port) {
  return port == 0 ? failed(EINVAL) : udp(owner, host, port);
}

int SocketServer::udp_dial(Handle owner, std::string_view host, int port) {
  flush_thread();
  const Resolved peer = resolve_here(std::string(host), port, SOCK_DGRAM, ResolveFor::peer);
  if (peer.addresses.empty()) return failed(0);
  return open_udp(owner, peer.addresses[0].family(), nullptr, peer.addresses[0]);
}

Resolved SocketServer::resolve(std::string_view host) {
  flush_thread();
  return resolve_here(std::string(host), 0, SOCK_STREAM, ResolveFor::peer);
}

// ---- using them --------------------------------------------------------------------------------

void SocketServer::start(Handle owner, int id) {
  Socket* socket = table_.find(id);
  bool known = false;
  std::string_view told;
  if (socket != nullptr) {
    const Socket::Lock lock(socket->mutex);
    known = socket->id == id && socket->life != Socket::Life::reserved;
    if (known) {
      const bool first = socket->life == Socket::Life::idle;
      const bool resume = socket->life == Socket::Life::open && socket->owner == owner;
      if (!(first || resume) || !socket->can_start() || socket->holder == Socket::Holder::nobody ||
          socket->orders_queued > 0) {
        // Something may be being read for another owner: the I/O thread finds the moment between
        // two reads. It also refuses what cannot be started.
        ++socket->orders_queued;
        tell(Command::Kind::start, id, owner);
        return;
      }
      told = socket->claim(owner);
    }
  }
  if (!known) {
    events_.text(owner, kSocketError, id, 0, "invalid socket");
    return;
  }
  // Before the first bytes.
  if (!told.empty()) events_.text(owner, kSocketConnect, id, 0, told);
  arm(*socket, id);
}

void SocketServer::pause(int id) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return;
  const Socket::Lock lock(socket->mutex);
  if (socket->id != id) return;
  if (socket->orders_queued > 0) {
    ++socket->orders_queued;
    tell(Command::Kind::pause, id);
    return;
  }
  socket->reading = false;
  socket->update_interest();
}

void SocketServer::abandon(Handle owner, int id) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return;
  {
    const Socket::Lock lock(socket->mutex);
    if (socket->id != id || socket->owner != owner) return;
    if (socket->holder == Socket::Holder::owner) socket->holder = Socket::Holder::next_owner;
  }
  tell(Command::Kind::look_later, id);
}

void SocketServer::close(int id) {
  end(id, false, [](const Socket&) { return true; });
}

void SocketServer::shutdown(int id) {
  end(id, true, [](const Socket&) { return true; });
}

void SocketServer::close_unstarted(Handle owner, int id) {
  end(id, false, [owner](const Socket& socket) {
    return socket.owner == owner && socket.kind == Socket::Kind::tcp &&
           socket.life == Socket::Life::idle && socket.orders_queued == 0;
  });
}

void SocketServer::close_for(Handle caller, int id) {
  bool owns = false;
  const bool there = end(id, false, [&owns, caller](const Socket& socket) {
    owns = socket.owner == caller;
    return true;
  });
  if (!there || !owns) events_.text(caller, kSocketClose, id, 0, {});
}

void SocketServer::service_ended(Handle owner) {
  if (!started_.load(std::memory_order_acquire)) return;
  std::vector<int> listeners;
  {
    const std::lock_guard lock(listeners_mutex_);
    listeners = listeners_;
  }
  for (const int id : listeners) {
    end(id, false, [owner](const Socket& socket) {
      return socket.owner == owner && socket.kind == Socket::Kind::listen &&
             socket.holder != Socket::Holder::next_owner;
    });
  }
  if (dead_.add(owner)) threads_.front()->push(Command::Kind::bury, 0);
}

// False: there is no such id, or the condition does not hold.
template <class Condition>
bool SocketServer::end(int id, bool cut, Condition condition) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return false;
  bool settle;
  {
    Socket::Lock lock(socket->mutex);
    if (socket->id != id || socket->life == Socket::Life::reserved || !condition(*socket))
      return false;
    if (socket->life >= Socket::Life::closing && (!cut || socket->cut)) return true;
    socket->begin_closing();
    if (cut) {
      socket->cut = true;
      if (!socket->writing) socket->out.clear();
    } else if (socket->can_write() && !socket->out.empty()) {
      socket->flush(lock);
    }
    settle = socket->must_settle();
  }
  if (settle) tell(Command::Kind::settle, id);
  tell(Command::Kind::close, id);
  return true;
}

void SocketServer::nodelay(int id) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return;
  const Socket::Lock lock(socket->mutex);
  if (socket->id != id || socket->kind != Socket::Kind::tcp) return;
  socket->nodelay = true;
  if (socket->fd >= 0) set_option(socket->fd, IPPROTO_TCP, TCP_NODELAY);
}

void SocketServer::dead_after(int id, int seconds) {
  Socket* socket = table_.find(id);
  if (socket == nullptr || seconds <= 0) return;
  const Socket::Lock lock(socket->mutex);
  if (socket->id != id || socket->kind != Socket::Kind::tcp) return;
  socket->dead_after = seconds;
  if (socket->fd >= 0) set_dead_after(socket->fd, seconds);
}

void SocketServer::send_limit(int id, std::size_t bytes) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return;
  const Socket::Lock lock(socket->mutex);
  if (socket->id == id && socket->kind != Socket::Kind::udp) socket->send_limit = bytes;
}

std::size_t SocketServer::unsent(int id) const {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return 0;
  const Socket::Lock lock(socket->mutex);
  return socket->id == id ? socket->unsent() : 0;
}

std::optional<SendProgress> SocketServer::progress(int id) const {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return std::nullopt;
  const Socket::Lock lock(socket->mutex);
  if (socket->id != id || socket->kind != Socket::Kind::tcp || socket->fd < 0) return std::nullopt;
  return send_progress(socket->fd);
}

bool SocketServer::udp_connect(int id, std::string_view host, int port) {
  const auto failed_with = [](int error) {
    errno = error;
    return false;
  };
  if (table_.find(id) == nullptr) return failed_with(EBADF);
  flush_thread();
  const Resolved peer = resolve_here(std::string(host), port, SOCK_DGRAM, ResolveFor::peer);
  if (peer.addresses.empty()) return failed_with(0);
  Socket* socket = table_.find(id);
  if (socket == nullptr) return failed_with(EBADF);
  Handle owner;
  {
    const Socket::Lock lock(socket->mutex);
    if (socket->id != id) return failed_with(EBADF);
    if (socket->kind != Socket::Kind::udp) return failed_with(EPROTOTYPE);
    for (const Address& address : peer.addresses) {
      if (address.family() != socket->family) continue;
      socket->remote = address;
      return true;
    }
    owner = socket->owner;
  }
  events_.text(owner, kSocketError, id, 0, "protocol mismatch");
  return true;
}

void SocketServer::acknowledge_large(int id, std::size_t size) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return;
  if (!socket->acknowledges.load(std::memory_order_relaxed)) {
    // What was posted before this was not counted.
    socket->acknowledges.store(true, std::memory_order_relaxed);
    return;
  }
  constexpr std::int64_t kLow = IoThread::kMaxUnacknowledged / 2;
  const auto bytes = static_cast<std::int64_t>(size);
  const std::int64_t before = socket->unacknowledged.fetch_sub(bytes);
  if (before < kLow || before - bytes >= kLow) return;
  const Socket::Lock lock(socket->mutex);
  if (socket->id != id || socket->kind == Socket::Kind::listen) return;
  socket->throttled = false;
  socket->update_interest();
}

std::vector<SocketInfo> SocketServer::info() const {
  std::vector<SocketInfo> result;
  const std::uint64_t now = events_.now();
  const std::uint64_t now_cycles = cycles();
  const auto host_time = [&](const std::atomic<std::uint64_t>& event) -> std::uint64_t {
    const std::uint64_t at = event.load(std::memory_order_relaxed);
    if (at == 0) return 0;
    const double ago_ns =
        at < now_cycles ? static_cast<double>(now_cycles - at) * ns_per_cycle() : 0;
    const auto ago = static_cast<std::uint64_t>(ago_ns / 1e7);
    return now > ago ? now - ago : 0;
  };
  table_.for_each([&](Socket& socket) {
    const Socket::Lock lock(socket.mutex);
    SocketInfo::Kind kind = SocketInfo::Kind::unknown;
    switch (socket.kind) {
      case Socket::Kind::listen: kind = SocketInfo::Kind::listen; break;
      case Socket::Kind::udp: kind = SocketInfo::Kind::udp; break;
      case Socket::Kind::file: kind = SocketInfo::Kind::bound; break;
      case Socket::Kind::tcp:
        if (socket.connecting() || socket.life == Socket::Life::idle) return;
        kind = SocketInfo::Kind::tcp;
    }
    if (socket.life == Socket::Life::reserved || socket.life == Socket::Life::ended) return;
    if (socket.life >= Socket::Life::closing || socket.read_ended) kind = SocketInfo::Kind::closing;
    result.push_back({
        .id = socket.id,
        .kind = kind,
        .owner = socket.owner,
        .read = socket.bytes_read.load(std::memory_order_relaxed),
        .written = socket.bytes_written.load(std::memory_order_relaxed),
        .unsent = socket.unsent(),
        .read_time = host_time(socket.read_at),
        .write_time = host_time(socket.written_at),
        .reading = socket.reads(),
        .writing = socket.blocked,
        .address = socket.remote.family() != 0 ? socket.remote.text() : std::string(),
    });
  });
  return result;
}

}  // namespace runtime
