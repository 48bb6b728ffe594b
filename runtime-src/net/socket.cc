#include "net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/clock.h"
#include "net/stream_calls.h"

namespace runtime {
namespace {

constexpr int kPieces = 64;  // of memory in one system call
// After so much a writer leaves the rest to the I/O thread, so that nothing else waits for it too
// long.
constexpr std::size_t kFlushBytes = 1024 * 1024;

ssize_t write_pieces(Socket::Kind kind, int fd, iovec* pieces, int count) {
  if (kind == Socket::Kind::file) return writev(fd, pieces, count);
  if (count == 1) return send_bytes(fd, pieces->iov_base, pieces->iov_len);
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = static_cast<std::size_t>(count);
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

std::int64_t coarse_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1'000'000;
}

void Socket::flush(Lock& lock) {
  writing = true;
  std::size_t left = kFlushBytes;
  while (!out.empty()) {
    iovec pieces[kPieces];
    std::size_t size = 0;
    const int count = out.gather(pieces, &size);
    lock.unlock();
    const ssize_t sent = write_pieces(kind, fd, pieces, count);
    const int error = sent < 0 ? errno : 0;
    lock.lock();
    if (error == EINTR) continue;
    if (!note_written(size, sent, error)) break;
    if (left <= size) {
      blocked = !out.empty();
      break;
    }
    left -= size;
  }
  finish_write();
}

bool Socket::note_written(std::size_t size, ssize_t sent, int error) {
  if (sent < 0) {
    if (error == EAGAIN) {
      blocked = true;
    } else {
      write_error = error;
    }
    return false;
  }
  const auto bytes = static_cast<std::size_t>(sent);
  out.consume(bytes);
  add(bytes_written, bytes);
  if (cut) return false;
  if (bytes < size) blocked = !out.empty();
  return bytes == size;
}

std::string_view Socket::begin_write() {
  const std::string_view small = kind == Kind::tcp ? out.gather_small() : std::string_view();
  if (!small.empty()) writing = true;
  return small;
}

void Socket::end_write(Lock& lock, std::size_t size, ssize_t sent, int error) {
  // Others may have appended meanwhile, and rely on this thread.
  if ((error == EINTR || note_written(size, sent, error)) && !out.empty()) [[unlikely]] {
    flush(lock);
  } else {
    finish_write();
  }
}

void Socket::write_through(Lock& lock, char* memory, std::size_t size, bool owned) {
  writing = true;
  lock.unlock();
  ssize_t sent;
  do {
    iovec piece = {memory, size};
    sent = write_pieces(kind, fd, &piece, 1);
  } while (sent < 0 && errno == EINTR);
  const int error = sent < 0 ? errno : 0;
  lock.lock();
  if (error != 0 && error != EAGAIN) {
    write_error = error;
    sent = static_cast<ssize_t>(size);  // nothing is left to do with it
  } else if (error == 0) {
    add(bytes_written, static_cast<std::uint64_t>(sent));
  }
  const std::size_t gone = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  if (gone < size) {
    blocked = true;
    if (owned) {
      out.begin_with_owned(memory, size, gone);
    } else {
      out.begin_with({memory + gone, size - gone});
    }
    note_queued();
  } else if (owned) {
    std::free(memory);
  }
  // Others may have appended meanwhile, and rely on this thread.
  if (!out.empty() && !blocked && write_error == 0 && !cut) {
    flush(lock);
  } else {
    finish_write();
  }
}

void Socket::finish_write() {
  writing = false;
  written_at.store(cycles(), std::memory_order_relaxed);
  if (cut || write_error != 0) out.clear();
  if (out.empty()) {
    blocked = false;
    if (warn_at > kWarnBytes) {
      warn_at = kWarnBytes;
      drain_due = true;
    }
  }
  // Nothing else of what the poller waits for depends on writing.
  if (!blocked && (armed & EPOLLOUT) == 0 && write_error == 0) return;
  if (const int error = update_interest(); error != 0) {
    write_error = error;
    out.clear();
  }
}

bool Socket::send_datagram(const Address& to, std::string_view bytes) {
  if (!blocked) {
    ssize_t sent;
    do {
      sent = sendto(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, to.get(), to.size());
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
      add(bytes_written, bytes.size());
      written_at.store(cycles(), std::memory_order_relaxed);
      return true;
    }
    if (errno != EAGAIN) return false;
  }
  if (datagrams == nullptr) datagrams = std::make_unique<std::deque<Datagram>>();
  datagrams->push_back({to, std::string(bytes)});
  datagram_bytes += bytes.size();
  blocked = true;
  note_queued();
  update_interest();
  return true;
}

void Socket::flush_datagrams() {
  while (!datagrams->empty()) {
    const Datagram& front = datagrams->front();
    const ssize_t sent = sendto(fd, front.bytes.data(), front.bytes.size(), MSG_NOSIGNAL,
                                front.to.get(), front.to.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    // One that the system refuses is lost, as datagrams may be.
    if (sent >= 0) add(bytes_written, front.bytes.size());
    datagram_bytes -= front.bytes.size();
    datagrams->pop_front();
  }
  finish_write();
}

void Socket::note_queued() {
  const std::size_t bytes = unsent();
  // As a write that has failed: what waits is dropped, and the owner hears of it.
  if (send_limit != 0 && bytes > send_limit) write_error = ENOBUFS;
  if (bytes < warn_at) return;
  warn_due = bytes;
  drain_due = false;  // not told yet, and no longer true
  while (warn_at <= bytes) warn_at *= 2;
}

bool Socket::must_settle_now() {
  if (settle_queued) return false;
  const bool ends = life == Life::ended || (life == Life::draining && unsent() == 0);
  settle_queued = warn_due != 0 || drain_due || (!writing && (write_error != 0 || ends));
  return settle_queued;
}

void Socket::begin_closing() {
  life = std::max(life, Life::closing);
  only_reads.store(false, std::memory_order_relaxed);
}

int Socket::update_interest() {
  std::uint32_t wanted = 0;
  if (connecting()) {
    if (fd >= 0) wanted = EPOLLOUT;
  } else if (life < Life::ended && write_error == 0) {
    if (reads()) wanted |= EPOLLIN;
    if (blocked) wanted |= EPOLLOUT;
    if (peer_watch == PeerWatch::on && !reads()) wanted |= EPOLLRDHUP;
  }
  // A read that gets less than it has room for has got all that there was, unless the peer has ended its
  // direction or sent an urgent byte, which stops it. So these need no second look at what was read.
  const bool reads_only = wanted == EPOLLIN && kind == Kind::tcp;
  if (reads_only) wanted |= EPOLLET | EPOLLRDHUP | EPOLLPRI;
  // Release pairs with IoThread::handle: whoever sees true sees the descriptor as well.
  if (reads_only != only_reads.load(std::memory_order_relaxed)) {
    only_reads.store(reads_only, std::memory_order_release);
  }
  if (wanted == armed || always_ready) return 0;
  const int error = poller->watch(fd, armed, wanted, static_cast<std::uint64_t>(id.load()));
  if (error == EPERM && kind == Kind::file) {
    always_ready = true;
    return 0;
  }
  if (error == 0) armed = wanted;
  return error;
}

std::string_view Socket::claim(Handle next) {
  std::string_view told;
  if (life == Life::idle) {
    life = Life::open;
    told = "start";
  } else if (life == Life::open && (kind == Kind::tcp || kind == Kind::udp)) {
    told = "transfer";
  }
  owner.store(next, std::memory_order_relaxed);
  holder = Holder::owner;
  peer_watch = PeerWatch::off;
  reading = true;
  return told;
}

void Socket::reset(int next_id) {
  id.store(next_id, std::memory_order_relaxed);
  owner.store(0, std::memory_order_relaxed);
  only_reads.store(false, std::memory_order_relaxed);
  poller = nullptr;
  fd = -1;
  kind = Kind::tcp;
  life = Life::reserved;
  holder = Holder::owner;
  peer_watch = PeerWatch::off;
  family = 0;
  reading = throttled = read_ended = connected = cut = end_posted = nodelay = writing = blocked =
      settle_queued = always_ready = false;
  armed = orders_queued = cork_thread = 0;
  dead_after = 0;
  write_error = 0;
  saved_file_flags = -1;
  out.clear();
  datagrams.reset();
  datagram_bytes = 0;
  send_limit = 0;
  warn_at = kWarnBytes;
  warn_due = 0;
  drain_due = false;
  remote = Address();
  candidates.clear();
  look_ms = 0;
  looks_left = 0;
  bytes_read.store(0, std::memory_order_relaxed);
  bytes_written.store(0, std::memory_order_relaxed);
  read_at.store(0, std::memory_order_relaxed);
  written_at.store(0, std::memory_order_relaxed);
  unacknowledged.store(0, std::memory_order_relaxed);
  acknowledges.store(false, std::memory_order_relaxed);
}

void set_dead_after(int fd, int seconds) {
  const auto set = [fd](int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof(value));
  };
  // An idle connection is asked after half of the time, then three times; what was sent and is not
  // acknowledged ends by itself.
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, std::max(1, seconds / 2));
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 6));
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
}

}  // namespace runtime
