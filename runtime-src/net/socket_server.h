// The sockets of one node.
//
// Every socket has an id and an owner, a service that gets its events (socket_event.h; what they
// say is in skynet_socket.h). The ids are the only handles: a call with an id that nobody has does
// nothing, or says so.
//
// Threads:   all members from any thread, and none waits for an I/O thread. Calls of one thread for
//            one socket take effect in their order. Where a host name is taken and is not numeric,
//            listen(), udp(), udp_connect(), udp_dial(), udp_listen() and resolve() block the
//            caller for as long as the system's resolver takes; connect() never blocks.
// Start:     the I/O threads start with the first socket; a server without sockets has no threads.
// End:       wait_until_sent(), if what is queued is to leave; then stop(), or the destructor, closes
//            everything. No call may be running or follow then.
// Order:     the bytes of one thread leave in the order of its sends, whichever thread writes them
//            in the end; the blocks of several threads are never mixed. Events of one id are posted
//            in the order in which things happened.
// Memory:    sizeof(Socket), about 600 bytes, for each connection; what waits to be sent (which
//            only the sender can bound, and for which there are warnings); and what was read and
//            not yet taken by the owner. The last is bounded by pause(), and by
//            IoThread::kMaxUnacknowledged for owners that call acknowledge(). Each I/O thread has
//            one read block of 64 KB.
//
// Corking: a worker thread calls cork_thread() once. From then on what it sends is only queued, and
//          leaves when the
// worker calls flush_thread(): once after each stretch of messages of a service, and before it
// sleeps or blocks. So everything that a service writes to one connection while it handles a
// message leaves in one system call. More than kCorkBytes for one connection leave at once. Other
// threads write directly.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.h"
#include "net/io_thread.h"
#include "net/resolver.h"
#include "net/send_progress.h"
#include "net/socket_event.h"
#include "net/socket_table.h"

namespace runtime {

struct SocketServerOptions {
  SocketHost host;
  int io_threads = 1;
  std::uint32_t max_sockets = 65536;  // a power of two
  // How long an id that nobody holds waits for its next owner (io_unclaimed.cc). Whoever is sent an
  // id starts it when it comes to the message, so this is the delay of a busy service, with room.
  std::chrono::milliseconds claim{2000};
};

// Bytes to be sent: borrowed (they are read before the call returns) or owned (memory from malloc,
// which passes to the server whatever the result).
struct SendData {
  enum class Memory { borrowed, owned };
  Memory memory;
  const char* data;
  std::size_t size;

  static SendData borrowed(std::string_view bytes) {
    return {Memory::borrowed, bytes.data(), bytes.size()};
  }
  static SendData owned(void* memory, std::size_t size) {
    return {Memory::owned, static_cast<const char*>(memory), size};
  }
};

enum class Priority { normal, low };

struct SocketInfo {
  enum class Kind { unknown = 0, listen = 1, tcp = 2, udp = 3, bound = 4, closing = 5 };
  int id;
  Kind kind;
  Handle owner;
  std::uint64_t read;                   // bytes; listen: connections accepted
  std::uint64_t written;                // bytes
  std::size_t unsent;                   // bytes
  std::uint64_t read_time, write_time;  // on the host's clock, in 1/100 s; 0: never
  bool reading;                         // it is read
  bool writing;                         // the kernel takes no more at the moment
  // "ip:port": of the peer; listen: its own; udp: the default destination; or empty.
  std::string address;
};

class SocketServer {
 public:
  static constexpr std::size_t kCorkBytes = 64 * 1024;
  static constexpr std::size_t kMaxHostBytes = 231;

  explicit SocketServer(const SocketServerOptions& options);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  // Until nothing is queued any more. False: the time ran out first.
  bool wait_until_sent(std::chrono::milliseconds limit);
  // Ends the resolver and the I/O threads, and closes everything. A peer to whom something was still
  // to be sent sees a reset, not an end that says that this was all.
  void stop();

  // ---- making sockets: the new id, or -1 ----

  // Connects; the owner gets kSocketConnect or kSocketError later. Bytes sent before are kept and
  // sent then. -1: the host is longer than kMaxHostBytes (EINVAL), or there can be no socket (the log says so).
  int connect(Handle owner, std::string_view host, int port);
  // Where one of connect(), listen(), udp(), udp_dial() and udp_listen() returns -1, errno has the cause;
  // 0: the host has no address, EMFILE also: there are max_sockets ids.
  //
  // Listens, but accepts nothing before start(). The host may be empty: all IPv4 interfaces. Port
  // 0: the system chooses. The owner gets kSocketConnect with the address and the port. -1: it was
  // not possible.
  int listen(Handle owner, std::string_view host, int port, int backlog);
  // Takes an open descriptor, which is made non-blocking meanwhile and is never closed. Reading
  // begins at once.
  int bind(Handle owner, int fd);
  // A udp socket: bound, or not when the host is empty and the port 0.
  int udp(Handle owner, std::string_view host, int port);
  // A udp socket that is not bound, with a default destination.
  int udp_dial(Handle owner, std::string_view host, int port);
  // A udp socket bound to a port that must not be 0.
  int udp_listen(Handle owner, std::string_view host, int port);

  // ---- using them ----

  // Makes `owner` the owner, and begins or resumes to read or to accept; answers by an event.
  void start(Handle owner, int id);
  void pause(int id);
  // The owner gives the id away: it is closed when its peer has ended and nobody starts it.
  void abandon(Handle owner, int id);
  // close() of an id that was accepted for `owner` and that nobody has started; other ids stay.
  void close_unstarted(Handle owner, int id);
  // close() by a service that waits for its end: it gets a kSocketClose also when another service has started the id
  // since, or when the id has ended, and then perhaps a second one.
  void close_for(Handle caller, int id);
  // The service has ended. Its listeners are closed at once; its other ids wait a moment for a
  // service that starts them (io_unclaimed.cc).
  void service_ended(Handle owner);
  // close() sends what is queued first, shutdown() drops it. From now on nothing is read, and sends
  // are refused.
  void close(int id);
  void shutdown(int id);
  void nodelay(int id);
  // A tcp peer from which nothing has come for about `seconds`, neither bytes nor an acknowledgement of
  // what was sent, counts as dead: the connection ends with an error. Also before it is connected.
  void dead_after(int id, int seconds);
  // The bytes that wait to be sent; 0 for an id that nobody has.
  std::size_t unsent(int id) const;
  // Of a connected tcp socket.
  std::optional<SendProgress> progress(int id) const;

  // The most bytes that may wait to be sent on a stream; 0: any number, as it is at first. A send that
  // would leave more ends the connection: nothing of it is sent any more, and the owner gets an error.
  void send_limit(int id, std::size_t bytes);

  // True: the bytes are queued or sent. False: there is no such id, or it has been closed.
  bool send(int id, SendData data, Priority priority = Priority::normal);
  // One datagram, to a binary address (address.h). False for another family than the socket's, too.
  bool udp_send(int id, std::string_view address, SendData data);
  // Sets the default destination of a udp socket. False: errno says why, 0 means
  // that no address was found for the host. A host of the wrong family is an event, "protocol mismatch".
  bool udp_connect(int id, std::string_view host, int port);

  // Tells that the owner has taken `size` bytes of one kSocketData event from its mailbox. An owner
  // that does this once must do it always; it is then not given more than it can take
  // (IoThread::kMaxUnacknowledged).
  void acknowledge(int id, std::size_t size) {
    if (size >= IoThread::kCountedBytes) acknowledge_large(id, size);
  }

  std::vector<SocketInfo> info() const;

  // The addresses of a host.
  static Resolved resolve(std::string_view host);

  // ---- corking: see above ----

  static void cork_thread() { cork_.enabled = true; }
  static void flush_thread() {
    if (cork_.count > 0) flush_corked();
  }

 private:
  // The sockets to which this thread has queued something that it must flush.
  struct Cork {
    static constexpr int kSockets = 128;
    bool enabled;
    int count;
    std::uint32_t thread;  // a number of this thread's, from 1; 0 before its first use
    SocketServer* server;
    struct Promise {
      Socket* socket;
      int id;
    } promises[kSockets];
  };
  static constinit thread_local Cork cork_;

  static void flush_corked();
  void add_corked(Socket& socket, int id);

  int ensure_started();
  IoThread& thread_of(int id) const {
    return *threads_[static_cast<std::size_t>(id) % threads_.size()];
  }
  void tell(Command::Kind kind, int id, Handle owner = 0, Resolved resolved = {}) {
    thread_of(id).push(kind, id, owner, std::move(resolved));
  }
  Socket* reserve();
  int open_udp(Handle owner, int family, const Address* bind_to, const Address& remote);
  void arm(Socket& socket, int id);
  template <class Condition>
  bool end(int id, bool cut, Condition condition);
  bool send_datagram(Socket& socket, Socket::Lock& lock, const Address& to, SendData data);
  void acknowledge_large(int id, std::size_t size);

  const SocketServerOptions options_;
  const SocketEvents events_;
  SocketTable table_;
  DeadOwners dead_;
  std::mutex listeners_mutex_;
  std::vector<int> listeners_;  // guarded by listeners_mutex_; ids that may have ended
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::unique_ptr<Resolver> resolver_;
  std::mutex start_mutex_;
  // The release in ensure_started() pairs with the acquires elsewhere: who sees true sees threads_ and resolver_.
  std::atomic<bool> started_{false};
  bool stopped_ = false;  // guarded by start_mutex_
};

}  // namespace runtime
