// The part of an I/O thread that ends ids that nobody holds.
//
//   an id that                       is closed
//   belonged to a service that       claim_ms after its end, unless another service starts it. A
//   has ended                        listener that was not given away: at once (socket_server.cc)
//   was given away (abandon)         claim_ms after the peer has ended, unless it is started
//   was accepted, and never started  kLooksAfterEnd times claim_ms after the peer has left
//   is started after its peer ended  at once: the start fails, so that nobody would close it
#include <algorithm>
#include <vector>

#include "net/io_thread.h"

namespace runtime {

// The owner is dead. Another service may take the id over by start(); until then nothing is read,
// so that nothing more is lost.
void IoThread::orphan(Socket& socket) {
  {
    const Socket::Lock lock(socket.mutex);
    if (socket.life >= Socket::Life::closing || socket.holder == Socket::Holder::nobody) return;
    socket.holder = Socket::Holder::nobody;
    socket.reading = false;
    socket.update_interest();
  }
  look_later(socket);
}

void IoThread::look_later(Socket& socket) {
  socket.look_ms = coarse_ms() + claim_ms_;
  unclaimed_.push_back({socket.id, socket.look_ms});
}

// Nearly all of them have been started by now.
void IoThread::look_at_accepted(std::int64_t now_ms) {
  while (!accepted_.empty() && accepted_.front().at_ms <= now_ms) {
    const int id = accepted_.front().id;
    accepted_.pop_front();
    Socket* socket = table_.find(id);
    if (socket == nullptr) continue;
    const Socket::Lock lock(socket->mutex);
    if (socket->id == id && socket->life == Socket::Life::idle) {
      all_[static_cast<std::size_t>(id) % all_.size()]->push(Command::Kind::look, id);
    }
  }
}

void IoThread::look_at_unclaimed(std::int64_t now_ms) {
  while (!unclaimed_.empty() && unclaimed_.front().at_ms <= now_ms) {
    const Deadline due = unclaimed_.front();
    unclaimed_.pop_front();
    Socket* socket = table_.find(due.id);
    // Something has happened since, and asked for a later look.
    if (socket == nullptr || socket->look_ms != due.at_ms) continue;
    look(*socket);
  }
}

void IoThread::look(Socket& socket) {
  bool useless = false, later = false;
  {
    const Socket::Lock lock(socket.mutex);
    if (socket.life >= Socket::Life::closing) return;
    if (socket.holder == Socket::Holder::nobody) {
      useless = true;
    } else if (socket.unclaimed()) {
      const bool left = socket.peer_watch == Socket::PeerWatch::left;
      if (left) later = --socket.looks_left > 0;
      useless = !later && (socket.read_ended || left);
      if (!useless && !later) {
        socket.peer_watch = Socket::PeerWatch::on;
        socket.update_interest();
      }
    }
  }
  if (later) look_later(socket);
  if (useless) end_unclaimed(socket);
}

// As if its owner had closed it: what is queued is still sent.
void IoThread::end_unclaimed(Socket& socket) {
  {
    Socket::Lock lock(socket.mutex);
    if (socket.life >= Socket::Life::closing) return;
    socket.begin_closing();
    if (socket.can_write() && !socket.out.empty()) socket.flush(lock);
  }
  close_socket(socket);
}

// Finds what ended services have left behind. Those that closed what they had are the rule.
void IoThread::bury_dead(std::int64_t now_ms) {
  if (bury_at_ms_ == 0 || bury_at_ms_ > now_ms) return;
  bury_at_ms_ = 0;
  const std::vector<Handle> dead = dead_.take();
  table_.for_each([&](Socket& socket) {
    const Handle owner = socket.owner.load(std::memory_order_relaxed);
    if (!std::binary_search(dead.begin(), dead.end(), owner)) return;
    const int id = socket.id.load(std::memory_order_relaxed);
    if (id > 0)
      all_[static_cast<std::size_t>(id) % all_.size()]->push(Command::Kind::orphan, id, owner);
  });
}

}  // namespace runtime
