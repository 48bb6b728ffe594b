// The part of an I/O thread that connects, accepts and reads.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/memory_reserve.h"
#include "core/socket_message.h"
#include "net/io_thread.h"
#include "net/stream_calls.h"

namespace runtime {
namespace {

constexpr int kAcceptsPerEvent = 64;
constexpr int kDatagramsPerEvent = 64;
// How long a listener waits when the process has no descriptors left.
constexpr std::int64_t kListenerPauseMs = 100;

void set_option(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
}

void note_read(Socket& socket, std::size_t count) {
  add(socket.bytes_read, count);
  socket.read_at.store(cycles(), std::memory_order_relaxed);
}

}  // namespace

// ---- connecting --------------------------------------------------------------------------------

void IoThread::connect(Socket& socket, Resolved& resolved) {
  if (resolved.addresses.empty()) {
    fail(socket, resolved.error);
    return;
  }
  std::reverse(resolved.addresses.begin(), resolved.addresses.end());
  {
    const Socket::Lock lock(socket.mutex);
    socket.candidates = std::move(resolved.addresses);
  }
  connect_next(socket, 0);
}

// Tries the addresses that are left; `error` is why the last one failed.
void IoThread::connect_next(Socket& socket, int error) {
  while (!socket.candidates.empty()) {
    const Address address = socket.candidates.back();
    socket.candidates.pop_back();
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
    if (::connect(fd, address.get(), address.size()) != 0 && errno != EINPROGRESS) {
      error = errno;
      close(fd);
      continue;
    }
    const Socket::Lock lock(socket.mutex);
    socket.fd = fd;
    socket.remote = address;
    if (socket.nodelay) set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    if (socket.dead_after > 0) set_dead_after(fd, socket.dead_after);
    // The descriptor is writable when the connection is there, also if it is there already.
    error = socket.update_interest();
    if (error == 0) return;
    socket.fd = -1;
    close(fd);
  }
  fail(socket, std::strerror(error));
}

void IoThread::finish_connect(Socket& socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    {
      const Socket::Lock lock(socket.mutex);
      close(std::exchange(socket.fd, -1));
      socket.armed = 0;
    }
    connect_next(socket, error);
    return;
  }
  bool closing;
  {
    const Socket::Lock lock(socket.mutex);
    closing = socket.life >= Socket::Life::closing;
    if (!closing) socket.life = Socket::Life::open;
    socket.connected = true;
    error = socket.update_interest();
  }
  if (error != 0) {
    fail(socket, std::strerror(error));
    return;
  }
  if (!closing) {
    post_text(socket.owner, kSocketConnect, socket.id, 0, socket.remote.host_text());
  }
  continue_writing(socket);
}

// ---- accepting ---------------------------------------------------------------------------------

void IoThread::accept_batch(Socket& listener) {
  for (int i = 0; i < kAcceptsPerEvent; ++i) {
    sockaddr_storage storage = {};
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    socklen_t size = sizeof(storage);
    const int fd = accept4(listener.fd, address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      out_of_descriptors_ = false;
      accepted(listener, fd, Address::from(address));
      continue;
    }
    switch (errno) {
      case EAGAIN: return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM: pause_listener(listener, errno); return;
      default: continue;  // this one connection has gone before we came to it
    }
  }
}

void IoThread::accepted(Socket& listener, int fd, const Address& peer) {
  const Handle owner = listener.owner;
  Socket* socket = table_.reserve();
  if (socket == nullptr) {
    close(fd);
    post_text(owner, kSocketError, listener.id, 0, "reach skynet socket number limit");
    return;
  }
  const int id = socket->id;
  {
    const Socket::Lock lock(socket->mutex);
    socket->poller = &all_[static_cast<std::size_t>(id) % all_.size()]->poller_;
    socket->fd = fd;
    socket->owner = owner;
    socket->remote = peer;
    socket->connected = true;
    socket->life = Socket::Life::idle;
  }
  note_read(listener, 1);
  accepted_.push_back({id, coarse_ms() + claim_ms_});
  // Without an owner nobody else has heard of the id.
  if (!post_text(owner, kSocketAccept, listener.id, id, peer.text())) release(*socket);
}

// The process or the system has run out of something: drops one connection, so that its peer knows,
// and leaves the others waiting in the kernel for a while.
void IoThread::pause_listener(Socket& listener, int error) {
  if (reserve_fd_ >= 0) {
    close(reserve_fd_);
    const int dropped = accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (dropped >= 0) close(dropped);
  }
  reserve_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (!std::exchange(out_of_descriptors_, true)) {
    events_.log(std::string("socket-server : accept error: ") + std::strerror(error) +
                "; connections are dropped or wait");
  }
  post_text(listener.owner, kSocketError, listener.id, 0, std::strerror(error));
  const Socket::Lock lock(listener.mutex);
  listener.throttled = true;
  listener.update_interest();
  paused_.push_back({listener.id, coarse_ms() + kListenerPauseMs});
}

void IoThread::resume_listeners(std::int64_t now_ms) {
  std::erase_if(paused_, [&](const Deadline& one) {
    if (one.at_ms > now_ms) return false;
    if (Socket* socket = table_.find(one.id)) {
      const Socket::Lock lock(socket->mutex);
      socket->throttled = false;
      socket->update_interest();
    }
    return true;
  });
}

// ---- reading -----------------------------------------------------------------------------------

// The first `size` bytes of the read block, as memory that the receiver will free.
char* IoThread::take_block(std::size_t size) {
  if (size >= kReadBytes / 2) {
    return std::exchange(block_,
                         static_cast<char*>(needed([] { return std::malloc(kReadBytes); })));
  }
  auto* copy =
      static_cast<char*>(needed([size] { return std::malloc(std::max<std::size_t>(size, 1)); }));
  std::memcpy(copy, block_, size);
  return copy;
}

IoThread::Read IoThread::read_stream(Socket& socket) {
  const int id = socket.id;
  const bool file = socket.kind == Socket::Kind::file;
  const ssize_t count =
      file ? read(socket.fd, block_, kReadBytes) : receive_bytes(socket.fd, block_, kReadBytes);
  if (count < 0) {
    if (errno == EAGAIN) return Read::nothing;
    if (errno == EINTR) return Read::full;
    fail(socket, std::strerror(errno));
    return Read::released;
  }
  if (count == 0) {
    peer_ended(socket);
    return table_.find(id) != nullptr ? Read::nothing : Read::released;
  }
  const auto size = static_cast<std::size_t>(count);
  note_read(socket, size);
  const bool counted = size >= kCountedBytes && socket.acknowledges.load(std::memory_order_relaxed);
  if (counted) socket.unacknowledged.fetch_add(count);
  gather(socket.owner, received_message(id, take_block(size), size));
  if (counted && socket.unacknowledged.load() > kMaxUnacknowledged) throttle(socket);
  return size == kReadBytes ? Read::full : Read::some;
}

void IoThread::gather(Handle owner, const Message& received) {
  if (received_.count != 0 && (received_.owner != owner || received_.count == kEventsTogether)) {
    post_received();
  }
  received_.owner = owner;
  received_.messages[received_.count++] = received;
}

void IoThread::post_received() {
  if (received_.count == 0) return;
  const std::span messages(received_.messages.data(), std::exchange(received_.count, 0));
  if (events_.received(received_.owner, messages)) return;
  for (const Message& message : messages) {
    if (Socket* const socket = table_.find(message.session)) orphan(*socket);
  }
}

bool IoThread::post_text(Handle to, SocketEventType type, int id, int ud, std::string_view text) {
  post_received();
  return events_.text(to, type, id, ud, text);
}

void IoThread::throttle(Socket& socket) {
  const Socket::Lock lock(socket.mutex);
  socket.throttled = true;
  // The owner may have caught up a moment before it could see that it is waited for.
  if (socket.unacknowledged.load() < kMaxUnacknowledged / 2) socket.throttled = false;
  socket.update_interest();
}

void IoThread::read_datagrams(Socket& socket) {
  post_received();
  for (int i = 0; i < kDatagramsPerEvent; ++i) {
    sockaddr_storage storage = {};
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    socklen_t size = sizeof(storage);
    const ssize_t count = recvfrom(socket.fd, block_, kReadBytes, 0, address, &size);
    // Errors are those of earlier datagrams (a port was closed, say); reading them has cleared
    // them.
    if (count < 0) return;
    const auto bytes = static_cast<std::size_t>(count);
    note_read(socket, bytes);
    char binary[Address::kMaxEncoded];
    const std::size_t length = Address::from(address).encode(binary);
    if (!events_.datagram(socket.owner, socket.id, take_block(bytes), bytes, {binary, length})) {
      orphan(socket);
      return;
    }
  }
}

// A regular file: it has no events, so each read asks for the next one.
void IoThread::read_file(Socket& socket) {
  const int id = socket.id;
  {
    const Socket::Lock lock(socket.mutex);
    if (!socket.reads()) return;
  }
  if (read_stream(socket) == Read::released) return;
  const Socket::Lock lock(socket.mutex);
  if (socket.reads()) push(Command::Kind::read, id);
}

}  // namespace runtime
