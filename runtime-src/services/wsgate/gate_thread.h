// A thread that serves WebSocket connections. Sockets, TLS, timers and what a socket does not take at
// once are the business of libwebsockets; the handshake (handshake.h) and the frames
// (websocket/decoder.h) are ours, since its own reader (4.1.6) answers pings late or not at all and
// ends without a close frame.
//
// Threads:   start(), stop() and the destructor from one thread, post() from any. Everything else
//            runs on the thread itself.
// Memory:    for each connection what it sends (Options::max_message; twice that for a message in
//            fragments, a compressed one while it is inflated, or for what comes before the start),
//            what is to be sent to it (max_unsent), 76 KB for permessage-deflate, and libwebsockets'
//            own buffers.
// The loop:  libwebsockets waits for sockets and for post(), and runs callbacks: accepted sockets,
//            handshakes, messages out that were stuck, ends. Then commands are run (messages out),
//            and the connections that have something are read (see read_set.h). As long as that goes
//            on libwebsockets, which looks at every socket each time, is left alone for some
//            milliseconds.
#pragma once

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "services/wsgate/command.h"
#include "services/wsgate/connection.h"
#include "services/wsgate/options.h"
#include "services/wsgate/outbox.h"
#include "services/wsgate/read_set.h"

namespace runtime::wsgate {

// What the threads of one gate have in common.
struct Shared {
  const Options& options;
  const Addresses& addresses;
  std::atomic<int> connections = 0;  // handshakes done or going on
};

class GateThread {
 public:
  // Ids of its connections are `index` + 1, and then every `count`-th.
  GateThread(Shared& shared, int index, int count);
  ~GateThread();  // stop()
  GateThread(const GateThread&) = delete;
  GateThread& operator=(const GateThread&) = delete;

  // Prepares libwebsockets; a reason why it cannot, or an empty text.
  std::string prepare();

  // Accepts connections of `fd`, which it takes over, and gives them to `threads` in turn. Before
  // start().
  bool listen(int fd, std::vector<GateThread*> threads);

  // 0, or the system's error number when it has no thread for it.
  int start();
  // Ends all connections at once; nothing is said to anybody about them.
  void stop();

  void post(Command command);

 private:
  // Frames leave together until they are this much; libwebsockets is to send it all in one system
  // call.
  static constexpr std::size_t kBatchBytes = 64 * 1024;
  // libwebsockets' name for what it calls back about for connections.
  static constexpr const char* kPeerProtocol = "wsgate";

  // libwebsockets waits until the descriptor, which it takes over, is readable. Null: it cannot.
  lws* adopt_file(int fd);

  static int on_event(lws* wsi, lws_callback_reasons reason, void* user, void* in,
                      std::size_t size);
  int handle(lws* wsi, lws_callback_reasons reason, Connection** slot, std::string_view in);

  // One round of the loop; false: libwebsockets has ended.
  bool serve_round();
  void run_commands();
  void run(Command& command);
  void run(Command& command, Connection& connection);
  void start(Connection& connection);
  void kick(Connection& connection);
  void deliver(Connection& connection, Package package);
  void enqueue(Connection& connection, Block data, std::size_t size);

  // False: for so long nobody had anything, and there was no post() either.
  bool read_connections(int timeout_ms);
  void read(Connection& connection);
  // Reads into received_; what recv() gives, also with TLS.
  ssize_t receive(const Connection& connection);
  // Takes nothing from the peer until resume(), but notices its end.
  void pause(Connection& connection);
  void resume(Connection& connection);

  // Each gives what libwebsockets wants: 0 goes on, anything else ends the connection.
  int on_acceptable(lws* listener);
  int on_timer(lws* wsi, Connection** slot);
  int on_handshake(Connection& connection, std::string_view bytes);
  int refuse(Connection& connection, std::string_view answer);
  int on_established(Connection& connection, std::string_view more);
  int on_writable(Connection& connection);

  void adopt(int fd);
  // Whether the peer is there still. Pings one that has been silent for a while.
  bool check_life(Connection& connection);
  void set_timer(const Connection& connection, std::chrono::nanoseconds time);
  // Tells the watchdog, once; from then on the id is unknown.
  void report_closed(Connection& connection);
  void release(Connection** slot);

  void on_bytes(Connection& connection, std::string_view bytes);
  void on_message(Connection& connection, const websocket::Decoder::Event& event);
  void on_control(Connection& connection, const websocket::Decoder::Event& event);
  // A message, unpacked and looked at. 0, or the code to close with.
  int unpack(Connection& connection, const websocket::Decoder::Event& event,
             Package* package) const;

  // Bytes that are not sent yet, ours and those that libwebsockets holds.
  static std::size_t waiting_bytes(const Connection& connection);
  // Sends what can be sent now; false: the connection is broken.
  bool flush(Connection& connection);
  // The same; a broken one is cut.
  void try_flush(Connection& connection);
  void append_frame(Connection& connection, const Package& message);
  void send_control(Connection& connection, int opcode, std::string_view payload);
  // The id ends, and a close frame follows what is unsent. An empty `payload` has no code.
  void say_goodbye(Connection& connection, std::string_view payload);
  // After a close frame of both, or when the peer broke the rules: what the peer sends does not
  // matter any more.
  void finish(Connection& connection, std::string_view payload);
  // All is sent: says the end, so that the peer reads everything before it sees that.
  void shut(Connection& connection);
  // The peer's end.
  void on_end(Connection& connection);
  void overflow(Connection& connection);
  // Ends a connection without a word to the peer, soon.
  void cut(Connection& connection);

  Shared& shared_;
  Outbox outbox_;
  const int id_step_;
  int next_id_;

  struct FreeSslContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  // What libwebsockets would connect with. Left to itself it makes one for each thread, with all
  // certificates of the system, 0.7 MB, and 4.1.6 frees those of the last thread only.
  std::unique_ptr<SSL_CTX, FreeSslContext> unused_client_;
  lws_context* context_ = nullptr;
  lws_vhost* vhost_ = nullptr;
  std::vector<lws_protocols> protocols_;
  lws* listener_ = nullptr;
  std::vector<GateThread*> accept_for_;  // who gets accepted sockets, in turn
  std::size_t next_thread_ = 0;
  bool accept_failed_ = false;  // and that has been logged

  ReadSet readable_;
  std::vector<Connection*> held_back_;  // to be read without being asked: TLS may hold bytes
  std::vector<char> received_;          // one read

  std::unordered_map<int, Connection*> connections_;
  std::vector<Connection*> dirty_;       // while commands are run
  std::vector<unsigned char> frames_;    // on their way out
  std::vector<unsigned char> deflated_;  // one message

  std::mutex mutex_;
  std::vector<Command> commands_;  // guarded by mutex_
  std::vector<Command> running_;   // being run
  // Bytes are stuck, and libwebsockets is to send them as soon as it can.
  bool leave_to_library_ = false;

  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace runtime::wsgate
