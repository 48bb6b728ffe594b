// One socket: a descriptor, who owns it, and what waits to be read and written.
//
// Sockets live in a SocketTable and are known to the outside by their ids. The memory of a Socket
// is never given back while the table lives, but used again for other ids: whoever finds one locks
// its mutex, and compares the id once more.
//
// Writing: one thread at a time (writing) has the right to write to the descriptor, and does so
//          without the mutex; others append to the queue meanwhile, and the writer does not stop
//          before the queue is empty or the kernel takes no more (blocked), in which case the I/O
//          thread goes on when it does.
// Reading: the I/O thread's alone.
//
// Life:
//
//   reserved --> connecting --> open ---> closing --> draining --> ended --> reserved, under another id
//       |                        ^
//       +------> idle -- start --+
//
// Whatever is known can be closed and can fail: so from `connecting` and `idle` the way leads to `closing` as
// well, and from each of them to `ended`. What is closed while it is being connected goes on connecting, and
// sends what was written before (`connected` tells). To close the descriptor is the I/O thread's alone; with
// a writer at work it waits (ended) until that has left, and the writer tells it by a command (settle).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/tiny_mutex.h"
#include "core/message.h"
#include "net/address.h"
#include "net/poller.h"
#include "net/write_queue.h"

namespace runtime {

struct Datagram {
  Address to;
  std::string bytes;
};

struct Socket {
  enum class Kind : std::uint8_t { tcp, listen, udp, file };
  // In the order in which a socket goes through them.
  enum class Life : std::uint8_t {
    reserved,    // being made: its id is not known to anybody
    connecting,  // its name is being resolved, or the connection established
    idle,        // accepted, or made to listen: waits for its start
    open,        // whoever has started it is given what comes in
    closing,     // close() or shutdown() was called: takes nothing more to send, and gives nothing
    draining,    // and the I/O thread knows: ends as soon as all that waits has been sent
    ended,       // of no use any more: its descriptor is closed as soon as nobody writes
  };
  // Who may be told of what happens to it.
  enum class Holder : std::uint8_t {
    owner,
    next_owner,  // the owner has given it away, and nobody has started it since
    nobody,      // the owner is dead; another service may still start it
  };
  // Nobody reads it: whether it is noticed that the peer leaves.
  enum class PeerWatch : std::uint8_t { off, on, left };
  using Lock = std::unique_lock<TinyMutex>;

  static constexpr std::size_t kWarnBytes = 1024 * 1024;

  // ---- the write path: any thread, with the mutex ----

  // Whether this is still the socket of `wanted_id`, and takes bytes to send.
  bool takes_data(int wanted_id) const {
    return id.load(std::memory_order_relaxed) == wanted_id && life != Life::reserved &&
           life < Life::closing && kind != Kind::listen && write_error == 0;
  }
  // Whether the caller may write at once.
  bool can_write() const { return connected && !writing && !blocked && write_error == 0; }
  // Writes what is queued, until it is gone or the kernel takes no more. Needs can_write() and a
  // queue that is not empty. Releases the mutex meanwhile.
  void flush(Lock& lock);
  // The same for who has several sockets to write to, and makes the system calls himself: what one call is to send
  // of a stream, if one small message is all that waits as nearly always; else empty, and nothing has changed.
  // It stays where it is until end_write(), which takes what the call gave: bytes sent, or -1 and errno.
  std::string_view begin_write();
  void end_write(Lock& lock, std::size_t size, ssize_t sent, int error);
  // Writes bytes that are not queued, and queues what the kernel does not take. Needs can_write()
  // and an empty queue. Releases the mutex meanwhile. `owned` tells whether `memory` is to be freed
  // (malloc).
  void write_through(Lock& lock, char* memory, std::size_t size, bool owned);
  // Sends one datagram, or queues it; false if the system refuses it, with errno set. Keeps the
  // mutex.
  bool send_datagram(const Address& to, std::string_view bytes);
  void flush_datagrams();
  // To be called when something was queued.
  void note_queued();
  // Whether there is something that only the I/O thread can do, and it has not been told yet. True:
  // tell it.
  [[nodiscard]] bool must_settle() {
    if (life < Life::draining && warn_due == 0 && !drain_due && write_error == 0) [[likely]]
      return false;
    return must_settle_now();
  }

  // ---- with the mutex ----

  std::size_t unsent() const { return out.bytes() + datagram_bytes; }
  bool reads() const { return reading && !throttled && !read_ended && life < Life::closing; }
  bool connecting() const { return kind == Kind::tcp && !connected; }
  // Makes the poller wait for what this socket needs now. 0, or the system's error number.
  int update_interest();
  // From now on it takes nothing more to send, and gives nothing.
  void begin_closing();
  // Back to the state of a socket that nobody has, with `next_id`. Closes nothing.
  void reset(int next_id);
  // Whether a start would be of use: nobody has closed it, and neither direction has ended.
  bool can_start() const { return life < Life::closing && !read_ended && write_error == 0; }
  // Makes `next` the owner, who wants to read. What it is to be told: "start" when nobody has read
  // before, "transfer" when somebody has; nothing of what was started by its making. Needs
  // can_start().
  std::string_view claim(Handle next);
  // Whether nobody reads the id, but somebody may still start it: accepted, or given away.
  bool unclaimed() const {
    return (life == Life::idle && kind == Kind::tcp) || holder == Holder::next_owner;
  }

  // ---- what both sides need of each message, and seldom changes: lines of its own ----
  //
  // The I/O thread reads while workers write, on another core: what one of them changes with each message stands
  // apart, so that neither waits for the other's cache. What says "I/O thread" is changed by that thread only,
  // which may therefore read it without the mutex; the rest is guarded by the mutex unless said otherwise.

  alignas(64) std::atomic<int> id{0};  // changed with the mutex; 0: nobody's
  std::atomic<Handle> owner{0};        // who gets the events
  // Whether an event means that there are bytes for the owner, and that there is nothing else to do: so for
  // connections that are read, while no write waits. The poller tells then of new bytes only. Changed with the
  // mutex. The I/O thread looks at it without: what somebody changes at that moment might as well have come
  // after the read.
  std::atomic<bool> only_reads{false};
  Kind kind = Kind::tcp;
  Life life = Life::reserved;     // draining: by the I/O thread
  Holder holder = Holder::owner;  // nobody: by the I/O thread
  PeerWatch peer_watch = PeerWatch::off;
  bool reading = false;       // the owner wants to be given what comes in
  bool throttled = false;     // but has too much of it already
  bool read_ended = false;    // I/O thread: the peer has ended its direction
  bool connected = false;     // bytes can be written; never of what listens
  bool cut = false;           // it was shutdown(): unsent bytes are to be dropped
  bool always_ready = false;  // a regular file, which epoll does not take
  Poller* poller = nullptr;   // of its I/O thread
  int fd = -1;                // I/O thread, once the id is known
  std::uint32_t armed = 0;    // what the poller waits for
  int write_error = 0;        // why writing failed

  // ---- what a read changes ----

  // Statistics, without the mutex.
  alignas(64) std::atomic<std::uint64_t> bytes_read{0};  // listen: connections accepted
  std::atomic<std::uint64_t> read_at{0};                 // cycles() of the last read; 0: never
  // Bytes in large blocks that were posted, and that the receiver has not acknowledged.
  std::atomic<std::int64_t> unacknowledged{0};
  std::atomic<bool> acknowledges{false};  // whether the receiver acknowledges at all
  bool end_posted = false;                // I/O thread: the owner has been told of the end
  int looks_left = 0;        // I/O thread: how often it looks after the end of the peer
  std::int64_t look_ms = 0;  // I/O thread: when it looks whether the id has been started

  // ---- what a write changes ----

  alignas(64) TinyMutex mutex;  // held for a few instructions, or a system call that does not wait
  bool writing = false;
  bool blocked = false;
  bool settle_queued = false;
  bool drain_due = false;  // the end of a warning is to be told
  // The thread that has promised to flush (see SocketServer::flush_thread)
  std::uint32_t cork_thread = 0;
  std::size_t datagram_bytes = 0;
  std::size_t warn_due = 0;  // bytes to warn of
  std::size_t warn_at = kWarnBytes;
  std::size_t send_limit = 0;  // the most that may wait to be sent, in bytes; 0: any number
  std::atomic<std::uint64_t> bytes_written{0};  // read without the mutex, as the next one
  std::atomic<std::uint64_t> written_at{0};
  WriteQueue out;

  // ---- the rest ----

  std::unique_ptr<std::deque<Datagram>> datagrams;  // udp: those that the kernel did not take
  int family = 0;                                   // AF_INET or AF_INET6, of a udp socket
  bool nodelay = false;                             // asked for before there was a connection
  int dead_after = 0;  // seconds until a silent peer counts as dead, likewise; 0: the system's own
  std::uint32_t orders_queued = 0;  // start and pause commands that the I/O thread has not come to
  int saved_file_flags = -1;        // of an adopted descriptor, to be restored
  Address remote;  // tcp: the peer; udp: the default destination; listen: the own address
  std::vector<Address> candidates;  // I/O thread: addresses to be tried still, last one first

 private:
  // Notes what a system call has sent of `size` bytes. True: the writer goes on.
  bool note_written(std::size_t size, ssize_t sent, int error);
  void finish_write();
  bool must_settle_now();
};

// Adds to a counter which one thread at a time changes, and others look at: cheaper than an atomic addition.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

// Makes a tcp descriptor give up on a peer that has been silent for about `seconds`.
void set_dead_after(int fd, int seconds);

// Milliseconds of a monotonic clock that is cheap, and some milliseconds late.
std::int64_t coarse_ms();

}  // namespace runtime
