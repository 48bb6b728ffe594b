// The part of SocketServer that sends.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "net/socket_server.h"
#include "net/stream_calls.h"

namespace runtime {
namespace {

std::atomic<std::uint32_t> last_cork_thread{0};

bool refuse(const SendData& data) {
  if (data.memory == SendData::Memory::owned) std::free(const_cast<char*>(data.data));
  return false;
}

}  // namespace

constinit thread_local SocketServer::Cork SocketServer::cork_ = {};

bool SocketServer::send(int id, SendData data, Priority priority) {
  Socket* socket = table_.find(id);
  if (socket == nullptr) return refuse(data);
  if (cork_.count > 0 && (cork_.count == Cork::kSockets || cork_.server != this)) flush_corked();
  const auto line = priority == Priority::low ? WriteQueue::Line::low : WriteQueue::Line::normal;
  const bool owned = data.memory == SendData::Memory::owned;
  bool settle;
  {
    Socket::Lock lock(socket->mutex);
    if (!socket->takes_data(id)) return refuse(data);
    if (socket->kind == Socket::Kind::udp) {
      if (socket->remote.family() != 0) return send_datagram(*socket, lock, socket->remote, data);
      lock.unlock();
      events_.log("socket-server : set udp (" + std::to_string(id) + ") error: address first.");
      return refuse(data);
    }
    const bool now = !cork_.enabled || socket->out.bytes() + data.size >= kCorkBytes;
    if (now && socket->can_write() && !socket->out.empty()) {
      socket->flush(lock);
      if (!socket->takes_data(id)) {
        // It has ended meanwhile, and so has everything that was due.
        settle = socket->must_settle();
        lock.unlock();
        if (settle) tell(Command::Kind::settle, id);
        return refuse(data);
      }
    }
    if (now && socket->can_write() && socket->out.empty() && data.size > 0) {
      socket->write_through(lock, const_cast<char*>(data.data), data.size, owned);
    } else {
      if (owned) {
        socket->out.append_owned(line, const_cast<char*>(data.data), data.size);
      } else {
        socket->out.append(line, {data.data, data.size});
      }
      socket->note_queued();
      if (socket->write_error != 0) {
        if (!socket->writing) socket->out.clear();
      } else if (cork_.enabled && socket->can_write()) {
        add_corked(*socket, id);
      }
    }
    settle = socket->must_settle();
  }
  if (settle) tell(Command::Kind::settle, id);
  return true;
}

bool SocketServer::udp_send(int id, std::string_view address, SendData data) {
  Socket* socket = table_.find(id);
  const std::optional<Address> to = Address::decode(address);
  if (socket == nullptr || !to) return refuse(data);
  Socket::Lock lock(socket->mutex);
  if (!socket->takes_data(id) || socket->kind != Socket::Kind::udp ||
      socket->family != to->family()) {
    return refuse(data);
  }
  return send_datagram(*socket, lock, *to, data);
}

bool SocketServer::send_datagram(Socket& socket, Socket::Lock& lock, const Address& to,
                                 SendData data) {
  const int id = socket.id;
  const bool taken = socket.send_datagram(to, {data.data, data.size});
  const int error = errno;
  const bool settle = socket.must_settle();
  lock.unlock();
  if (!taken) {
    events_.log("socket-server : udp (" + std::to_string(id) + ") sendto error " +
                std::strerror(error) + ".");
  }
  if (settle) tell(Command::Kind::settle, id);
  refuse(data);  // it has been copied
  return true;
}

// ---- corking -----------------------------------------------------------------------------------

// Promises that this thread will flush the socket. With the socket's mutex.
void SocketServer::add_corked(Socket& socket, int id) {
  if (cork_.thread == 0) cork_.thread = last_cork_thread.fetch_add(1) + 1;
  if (socket.cork_thread == cork_.thread) return;
  // Another thread may have promised it too; who comes first sends for both.
  socket.cork_thread = cork_.thread;
  cork_.server = this;
  cork_.promises[cork_.count++] = {&socket, id};
}

// In three rounds, so that the code of each is in the caches when it comes to the next socket: between two
// system calls there is little else.
void SocketServer::flush_corked() {
  struct Write {
    Socket* socket;
    int id;
    int error;
    std::string_view bytes;
    ssize_t sent;
  };
  SocketServer& server = *cork_.server;
  Write writes[Cork::kSockets];
  int count = 0;
  for (const auto& [socket, id] :
       std::span(cork_.promises, static_cast<std::size_t>(cork_.count))) {
    bool settle;
    {
      Socket::Lock lock(socket->mutex);
      if (socket->id != id) continue;
      if (socket->cork_thread == cork_.thread) socket->cork_thread = 0;
      if (socket->can_write() && !socket->out.empty()) {
        if (const std::string_view small = socket->begin_write(); !small.empty()) {
          writes[count++] = {socket, id, 0, small, 0};
          continue;
        }
        socket->flush(lock);
      }
      settle = socket->must_settle();
    }
    if (settle) server.tell(Command::Kind::settle, id);
  }
  cork_.count = 0;
  const std::span begun(writes, static_cast<std::size_t>(count));
  for (Write& write : begun) {
    write.sent = send_bytes(write.socket->fd, write.bytes.data(), write.bytes.size());
    if (write.sent < 0) write.error = errno;
  }
  for (const Write& write : begun) {
    bool settle;
    {
      Socket::Lock lock(write.socket->mutex);
      write.socket->end_write(lock, write.bytes.size(), write.sent, write.error);
      settle = write.socket->must_settle();
    }
    if (settle) server.tell(Command::Kind::settle, write.id);
  }
}

}  // namespace runtime
