// One I/O thread: waits for descriptors, reads, accepts, connects, goes on with writes that did not
// fit, and tells the owners. A socket belongs to one I/O thread, chosen by its id.
//
// The loop, phase by phase:
//   1. commands:   does what other threads asked for;
//   2. wait:       for descriptors, commands, or the end of a listener's pause; without a timeout when there is no
//                  such pause, so that an idle server never wakes up;
//   3. events:     one read, write, connect or batch of accepts for each ready descriptor; one read for each
//                  connection where more may wait than the last turn has read;
//   4. deadlines:  listeners that ran out of descriptors accept again; ids that nobody has started in time are
//                  ended (io_unclaimed.cc).
//
// Memory: one block of kReadBytes. A read that fills at least half of it hands the block over; what
//         is smaller is copied into memory of its size.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/batch_thread.h"
#include "core/event_loop.h"
#include "core/message.h"
#include "net/command_queue.h"
#include "net/dead_owners.h"
#include "net/loop_lease.h"
#include "net/poller.h"
#include "net/socket.h"
#include "net/socket_event.h"
#include "net/socket_table.h"

namespace runtime {

class IoThread : public EventLoop {
 public:
  static constexpr std::size_t kReadBytes = 64 * 1024;
  // When the owner, one that acknowledges, has so many bytes of a connection unread in its mailbox,
  // reading stops until it has half of them.
  static constexpr std::int64_t kMaxUnacknowledged = 4 * 1024 * 1024;
  // Blocks below this are not counted for that.
  static constexpr std::size_t kCountedBytes = 16 * 1024;

  // Accepted, or given away while it was paused: its next owner would still get what the peer has
  // sent, and may have much to do before it comes to that. So the end of the peer alone ends it only
  // after so many times claim_ms.
  static constexpr int kLooksAfterEnd = 15;

  // `all` are the I/O threads of the server, this one included. The first one looks after `dead`.
  // `claim_ms` is how long an id that nobody holds waits for its next owner.
  IoThread(const SocketEvents& events, SocketTable& table, DeadOwners& dead, std::int64_t claim_ms,
           const std::vector<std::unique_ptr<IoThread>>& all)
      : events_(events), table_(table), dead_(dead), claim_ms_(claim_ms), all_(all) {}
  ~IoThread() override;

  // 0, or the system's error number when it had no descriptors or no thread for it. `lends`: workers may turn the loop.
  int start(bool lends);
  void stop();  // waits for the end of the thread; sockets stay open

  // From any thread: does `command` soon, after those that came before it.
  void push(Command::Kind kind, int id, Handle owner = 0, Resolved resolved = {});

  Poller& poller() { return poller_; }

  // ---- for the worker that turns the loop: EventLoop ----

  bool borrow() override { return lease_.borrow(); }
  bool wait(bool block) override;
  void handle() override;
  void put_back() override;
  void give_back() override;
  void wake() override { poller_.wake(); }

  // Closes a socket and gives its id back. For sockets that no other thread uses.
  static void dispose(SocketTable& table, Socket& socket);

 private:
  static constexpr int kEventsPerWait = 256;
  static constexpr std::size_t kEventsTogether = 16;  // some 25 us of work

  void run();
  bool offers() const;
  bool run_commands();
  bool handle_all(std::span<const epoll_event> events);
  bool finish_reading();
  void handle(const epoll_event& event);
  void resume_listeners(std::int64_t now_ms);
  bool has_deadlines() const {
    return !paused_.empty() || !accepted_.empty() || !unclaimed_.empty() || bury_at_ms_ != 0;
  }
  int wait_limit_ms() const;

  // ---- commands ----
  void connect(Socket& socket, Resolved& resolved);
  void start_socket(int id, Handle owner);
  void pause_socket(Socket& socket);
  void close_socket(Socket& socket);
  void settle(Socket& socket);
  void read_file(Socket& socket);

  // ---- events ----
  void connect_next(Socket& socket, int error);
  void finish_connect(Socket& socket);
  void accept_batch(Socket& socket);
  void accepted(Socket& listener, int fd, const Address& peer);
  void pause_listener(Socket& listener, int error);
  enum class Read {
    nothing,   // there was nothing, or the end
    some,      // less than fits the block
    full,      // as much as fits: there may be more
    released,  // and the socket is not any more
  };
  Read read_stream(Socket& socket);
  // What is read goes to its owner with what else is read for that one: at the latest when the commands, or the
  // events that came together, have been handled, and before whatever else this thread tells.
  void gather(Handle owner, const Message& received);
  void post_received();
  bool post_text(Handle to, SocketEventType type, int id, int ud, std::string_view text);
  char* take_block(std::size_t size);
  void throttle(Socket& socket);
  void read_datagrams(Socket& socket);
  void continue_writing(Socket& socket);

  // ---- ends ----
  void peer_ended(Socket& socket);
  void writing_failed(Socket& socket, int error);
  void fail(Socket& socket, std::string_view text);

  // ---- ids that nobody holds ----
  void orphan(Socket& socket);
  void look_later(Socket& socket);
  void look(Socket& socket);
  void look_at_accepted(std::int64_t now_ms);
  void look_at_unclaimed(std::int64_t now_ms);
  void end_unclaimed(Socket& socket);
  void bury_dead(std::int64_t now_ms);
  void release(Socket& socket);

  const SocketEvents& events_;
  SocketTable& table_;
  DeadOwners& dead_;
  const std::int64_t claim_ms_;
  const std::vector<std::unique_ptr<IoThread>>& all_;
  Poller poller_;
  Gathering gathering_;
  CommandQueue commands_;
  std::thread thread_;
  LoopLease lease_{kernel_futex()};

  // Of the one that turns the loop, from here on.
  bool lends_ = false;
  bool woke_worker_ = false;       // the events of this turn have woken a worker
  std::int64_t offers_at_ms_ = 0;  // not before, as workers had no time for it
  std::array<epoll_event, kEventsPerWait> events_ready_;
  std::size_t ready_ = 0;  // of them, by wait(); 0: they have been handled
  struct {
    Handle owner = 0;
    std::size_t count = 0;
    std::array<Message, kEventsTogether> messages;
  } received_;                   // and has not been posted
  std::vector<int> unfinished_;  // ids of which the last turn may not have read all
  bool stopping_ = false;
  char* block_ = nullptr;            // kReadBytes
  bool out_of_descriptors_ = false;  // since when has been logged
  int reserve_fd_ = -1;  // given up to accept, and drop, a connection when descriptors have run out

  struct Deadline {
    int id;
    std::int64_t at_ms;
  };
  std::vector<Deadline> paused_;    // listeners
  std::deque<Deadline> accepted_;   // by this thread, for any thread; the earliest first
  std::deque<Deadline> unclaimed_;  // sockets of this thread; the earliest first
  std::int64_t bury_at_ms_ = 0;     // 0: no owner has ended
};

}  // namespace runtime
