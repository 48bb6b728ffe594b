#include "net/io_thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/memory_ledger.h"
#include "base/memory_reserve.h"
#include "base/start_thread.h"

namespace runtime {
namespace {

// For how long the thread keeps its loop to itself when a worker had no time for it.
constexpr std::int64_t kOwnMs = 20;
constexpr std::string_view kNumberLimit = "reach skynet socket number limit";

}  // namespace

IoThread::~IoThread() {
  std::free(block_);
  if (reserve_fd_ >= 0) close(reserve_fd_);
}

int IoThread::start(bool lends) {
  if (!poller_.ok()) return EMFILE;
  lends_ = lends;
  reserve_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  block_ = static_cast<char*>(needed([] { return std::malloc(kReadBytes); }));
  // Signals are for the threads that expect them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = start_thread(thread_, [this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) pthread_setname_np(thread_.native_handle(), "socket");
  return error;
}

void IoThread::stop() {
  if (!thread_.joinable()) return;
  push(Command::Kind::stop, 0);
  thread_.join();
}

void IoThread::push(Command::Kind kind, int id, Handle owner, Resolved resolved) {
  auto* const command = new Command{kind, id, owner, std::move(resolved)};
  // Who asks has it on his account, and it is this thread that frees it.
  give_bytes(block_bytes(command) + block_bytes(command->resolved.addresses.data()));
  if (commands_.push(command)) poller_.wake();
}

void IoThread::run() {
  gathering_.attach();
  while (!stopping_) {
    wait(true);
    handle();
    gathering_.adapt();
    if (offers()) {
      lease_.offer();
      lease_.stand_by();
    }
  }
}

// ---- one turn ----------------------------------------------------------------------------------

bool IoThread::wait(bool block) {
  // What commands bring is for services: a worker that turns the loop is to run them, not to sleep.
  const bool ran = run_commands();
  if (ready_ != 0) return true;  // the poller does not tell it again
  const bool may_sleep = block && !ran && unfinished_.empty() && !stopping_ && commands_.sleep();
  ready_ = static_cast<std::size_t>(poller_.wait(events_ready_, may_sleep ? wait_limit_ms() : 0));
  return ran || ready_ != 0 || !unfinished_.empty();
}

void IoThread::handle() {
  run_commands();
  woke_worker_ = finish_reading();
  woke_worker_ = handle_all({events_ready_.data(), std::exchange(ready_, 0)}) || woke_worker_;
  if (!has_deadlines()) return;
  const std::int64_t now_ms = coarse_ms();
  resume_listeners(now_ms);
  bury_dead(now_ms);
  look_at_accepted(now_ms);
  look_at_unclaimed(now_ms);
}

// Whether a worker had better turn the loop: it would have slept, and there is little to gather.
bool IoThread::offers() const {
  return lends_ && woke_worker_ && !stopping_ && !gathering_.many() && coarse_ms() >= offers_at_ms_;
}

void IoThread::put_back() {
  if (stopping_ || gathering_.many()) {
    lease_.give_back();
  } else {
    lease_.put_back();
  }
}

void IoThread::give_back() {
  offers_at_ms_ = coarse_ms() + kOwnMs;
  lease_.give_back();
}

int IoThread::wait_limit_ms() const {
  if (!has_deadlines()) return -1;
  std::int64_t first = INT64_MAX;
  for (const Deadline& one : paused_) first = std::min(first, one.at_ms);
  if (!accepted_.empty()) first = std::min(first, accepted_.front().at_ms);
  if (!unclaimed_.empty()) first = std::min(first, unclaimed_.front().at_ms);
  if (bury_at_ms_ != 0) first = std::min(first, bury_at_ms_);
  return static_cast<int>(std::max<std::int64_t>(first - coarse_ms() + 1, 0));
}

// ---- commands ----------------------------------------------------------------------------------

// Whether there were any.
bool IoThread::run_commands() {
  Command* command = commands_.take();
  const bool any = command != nullptr;
  while (command != nullptr) {
    const std::unique_ptr<Command> current(std::exchange(command, command->next));
    if (current->kind == Command::Kind::stop) stopping_ = true;
    if (current->kind == Command::Kind::bury) bury_at_ms_ = coarse_ms() + DeadOwners::kGatherMs;
    if (current->kind == Command::Kind::start) start_socket(current->id, current->owner);
    Socket* socket = table_.find(current->id);
    if (socket == nullptr) continue;
    switch (current->kind) {
      case Command::Kind::connect: connect(*socket, current->resolved); break;
      case Command::Kind::pause: pause_socket(*socket); break;
      case Command::Kind::close: close_socket(*socket); break;
      case Command::Kind::settle: settle(*socket); break;
      case Command::Kind::read: read_file(*socket); break;
      case Command::Kind::look: look(*socket); break;
      case Command::Kind::look_later: look_later(*socket); break;
      case Command::Kind::orphan:
        if (socket->owner == current->owner) orphan(*socket);
        break;
      case Command::Kind::start:
      case Command::Kind::bury:
      case Command::Kind::stop: break;
    }
  }
  post_received();
  return any;
}

void IoThread::start_socket(int id, Handle owner) {
  std::string_view answer = "invalid socket";
  bool is_error = true, is_file = false, useless = false;
  int error = 0;
  Socket* socket = table_.find(id);
  if (socket != nullptr) {
    const Socket::Lock lock(socket->mutex);
    --socket->orders_queued;
    if (socket->life == Socket::Life::ended) {
      // It has ended, but somebody is still writing to it.
    } else if (!socket->can_start()) {
      answer = "socket closed";
      // Who is refused would not close it, and whoever gave it away has forgotten it.
      useless = socket->owner != owner || socket->holder != Socket::Holder::owner;
    } else {
      is_error = false;
      answer = socket->claim(owner);
      socket->acknowledges.store(false, std::memory_order_relaxed);
      socket->unacknowledged.store(0, std::memory_order_relaxed);
      socket->throttled = false;
      error = socket->update_interest();
      is_file = socket->always_ready;
    }
  }
  if (error != 0) {
    fail(*socket, kNumberLimit);
    return;
  }
  if (useless) end_unclaimed(*socket);
  const bool told =
      answer.empty() || post_text(owner, is_error ? kSocketError : kSocketConnect, id, 0, answer);
  if (!told && !is_error) orphan(*socket);
  if (is_file) push(Command::Kind::read, id);
}

void IoThread::pause_socket(Socket& socket) {
  const Socket::Lock lock(socket.mutex);
  --socket.orders_queued;
  socket.reading = false;
  socket.update_interest();
}

void IoThread::close_socket(Socket& socket) {
  bool done;
  {
    const Socket::Lock lock(socket.mutex);
    // What a writer at work cannot get rid of is still to be queued.
    done = socket.life == Socket::Life::ended || socket.cut ||
           (!socket.writing && socket.unsent() == 0);
    socket.life = done ? Socket::Life::ended : Socket::Life::draining;
    socket.update_interest();
  }
  const bool tell = !std::exchange(socket.end_posted, true);
  const Handle owner = socket.owner;
  const int id = socket.id;
  // First, so that the owner who hears of it can use the port again.
  if (done) release(socket);
  if (tell) post_text(owner, kSocketClose, id, 0, {});
}

void IoThread::settle(Socket& socket) {
  std::size_t warn = 0;
  int error = 0;
  bool drained = false, ended = false;
  {
    const Socket::Lock lock(socket.mutex);
    socket.settle_queued = false;
    warn = std::exchange(socket.warn_due, 0);
    drained = std::exchange(socket.drain_due, false);
    if (!socket.writing) {
      error = socket.write_error;
      ended = socket.life == Socket::Life::ended ||
              (socket.life == Socket::Life::draining && (error != 0 || socket.unsent() == 0));
    }
  }
  if (warn != 0) {
    const int kilobytes = static_cast<int>(std::min<std::size_t>((warn + 1023) / 1024, INT32_MAX));
    post_text(socket.owner, kSocketWarning, socket.id, kilobytes, {});
  }
  if (drained) post_text(socket.owner, kSocketWarning, socket.id, 0, {});
  if (ended) {
    release(socket);
  } else if (error != 0) {
    writing_failed(socket, error);
  }
}

// ---- events ------------------------------------------------------------------------------------

// A service that is woken for the first of several messages comes at once, may take this thread's
// core, and sleeps again before the second; so the first ones wait for some of the others.
// True: a worker that slept was woken for one.
bool IoThread::handle_all(std::span<const epoll_event> events) {
  bool woke_worker = false;
  while (!events.empty()) {
    const std::size_t count = std::min(events.size(), kEventsTogether);
    events_.hold();
    for (const epoll_event& event : events.first(count)) {
      table_.fetch(static_cast<int>(event.data.u64));
    }
    for (const epoll_event& event : events.first(count)) {
      gathering_.saw(static_cast<int>(event.data.u64));
      handle(event);
    }
    post_received();
    woke_worker = events_.release() || woke_worker;
    events = events.subspan(count);
  }
  return woke_worker;
}

// Reads on where the last turn may have left bytes; the poller tells only of new ones. True: as above.
bool IoThread::finish_reading() {
  if (unfinished_.empty()) return false;
  events_.hold();
  for (const int id : std::exchange(unfinished_, {})) {
    Socket* socket = table_.find(id);
    // Else somebody has changed what is waited for, and the poller has looked again. Pairs as in handle().
    if (socket == nullptr || !socket->only_reads.load(std::memory_order_acquire)) continue;
    gathering_.saw(id);
    const Read read = read_stream(*socket);
    if (read == Read::some || read == Read::full) unfinished_.push_back(id);
  }
  post_received();
  return events_.release();
}

void IoThread::handle(const epoll_event& event) {
  const int id = static_cast<int>(event.data.u64);
  Socket* socket = table_.find(id);  // null for kWakeKey as well
  if (socket == nullptr) return;
  // Nearly always. Acquire pairs with Socket::update_interest.
  if (socket->only_reads.load(std::memory_order_acquire)) {
    const Read read = read_stream(*socket);
    // The next event comes with the next bytes: what did not fit, or came before an end or an urgent byte, is
    // for the next turn.
    if (read == Read::full || (read == Read::some && event.events != EPOLLIN)) {
      unfinished_.push_back(id);
    }
    return;
  }
  bool connecting, reads, blocked, left = false;
  {
    const Socket::Lock lock(socket->mutex);
    connecting = socket->connecting();
    reads = socket->reads();
    blocked = socket->blocked;
    if (socket->peer_watch == Socket::PeerWatch::on && !reads &&
        (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
      left = true;
      socket->peer_watch = Socket::PeerWatch::left;
      socket->update_interest();
    }
  }
  if (left) {
    socket->looks_left = kLooksAfterEnd;
    look_later(*socket);
  }
  // An end of the peer that is not read as such is found by whatever is done next.
  const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
  if (connecting) {
    finish_connect(*socket);
  } else if (socket->kind == Socket::Kind::listen) {
    if (reads) accept_batch(*socket);
  } else {
    if (reads && (broken || (event.events & EPOLLIN) != 0)) {
      if (socket->kind == Socket::Kind::udp) {
        read_datagrams(*socket);
      } else if (read_stream(*socket) == Read::released) {
        return;
      }
    }
    if (blocked && (broken || (event.events & EPOLLOUT) != 0)) continue_writing(*socket);
  }
}

void IoThread::continue_writing(Socket& socket) {
  bool settle = false;
  {
    Socket::Lock lock(socket.mutex);
    if (socket.kind == Socket::Kind::udp) {
      socket.flush_datagrams();
    } else {
      socket.blocked = false;
      if (socket.can_write()) {
        if (!socket.out.empty()) socket.flush(lock);
      }
    }
    socket.update_interest();
    settle = socket.must_settle();
  }
  if (settle) push(Command::Kind::settle, socket.id);
}

// ---- ends --------------------------------------------------------------------------------------

// The peer will send no more; what we have to say may still be said.
void IoThread::peer_ended(Socket& socket) {
  bool closing, given_away;
  {
    const Socket::Lock lock(socket.mutex);
    socket.read_ended = true;
    closing = socket.life >= Socket::Life::closing;
    given_away = socket.holder == Socket::Holder::next_owner;
    socket.update_interest();
  }
  if (closing) return;  // close_socket() is about to tell
  if (std::exchange(socket.end_posted, true)) return;
  // Nobody is left who could close the id.
  if (!post_text(socket.owner, kSocketClose, socket.id, 0, {})) {
    release(socket);
  } else if (given_away) {
    look_later(socket);
  }
}

// The peer takes no more. What it said before is given to the owner first.
void IoThread::writing_failed(Socket& socket, int error) {
  const int id = socket.id;
  for (;;) {
    {
      const Socket::Lock lock(socket.mutex);
      if (!socket.reads()) break;
    }
    const Read read = read_stream(socket);
    if (read == Read::released) return;
    if (read == Read::nothing) break;
  }
  if (table_.find(id) != nullptr) fail(socket, std::strerror(error));
}

// The end of an id whose connection is of no use any more. It takes nothing more when the owner
// hears of it.
void IoThread::fail(Socket& socket, std::string_view text) {
  bool closing;
  {
    const Socket::Lock lock(socket.mutex);
    closing = socket.life >= Socket::Life::closing;
    socket.life = Socket::Life::ended;
  }
  const bool tell = !std::exchange(socket.end_posted, true);
  const Handle owner = socket.owner;
  const int id = socket.id;
  release(socket);
  if (!tell) return;
  if (closing) {
    post_text(owner, kSocketClose, id, 0, {});
  } else {
    post_text(owner, kSocketError, id, 0, text);
  }
}

void IoThread::release(Socket& socket) {
  {
    const Socket::Lock lock(socket.mutex);
    if (socket.writing) {
      socket.life = Socket::Life::ended;
      socket.update_interest();
      return;
    }
  }
  dispose(table_, socket);
}

void IoThread::dispose(SocketTable& table, Socket& socket) {
  int fd;
  bool discard, incomplete;
  {
    const Socket::Lock lock(socket.mutex);
    fd = socket.fd;
    discard = socket.kind == Socket::Kind::tcp && !socket.cut && !socket.read_ended;
    incomplete = socket.kind == Socket::Kind::tcp && socket.unsent() > 0 && !socket.cut;
    if (socket.kind == Socket::Kind::file) {
      // The descriptor stays open, and goes back as it came.
      if (socket.armed != 0) socket.poller->watch(fd, socket.armed, 0, 0);
      if (socket.saved_file_flags >= 0) fcntl(fd, F_SETFL, socket.saved_file_flags);
      fd = -1;
    }
  }
  // Bytes that are closed unread make the kernel reset the connection, and the peer would lose our
  // last ones.
  if (discard && fd >= 0) recv(fd, nullptr, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
  // An end would tell the peer that it has got everything.
  if (incomplete && fd >= 0) {
    const linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  table.release(socket);
  if (fd >= 0) close(fd);
}

}  // namespace runtime
