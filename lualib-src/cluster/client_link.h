// The link of this node to another one: it takes the requests of services, sends them over one connection,
// and gives each service its answers. It belongs to a service (clustersender), whose messages pass through
// take() before Lua code sees them; so neither a request nor an answer enters Lua on its way.
//
// States:
//   unknown ----address----> idle --request--> connecting --> up      requests wait while unknown or pausing
//   down <---- false                ^             |            |
//                                   +--(pausing)--+------------+      a lost connection is made again by the next request
//
// An attempt that failed is followed by a pause, from the second failure on: 10 ms, doubled up to 200 ms. Requests
// that come meanwhile wait for the attempt after it, so each request that fails has seen an attempt of its own.
//
// Through TLS the link is up when the other node has accepted this one's certificate; until then requests wait.
//
// Errors:  a call that cannot be answered gets an error message with a text: whether the request was
//          delivered, to whom it was to go, and why (see docs/cluster.md).
// Threads: that of the service.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/assembly.h"
#include "cluster/frame.h"
#include "cluster/link_status.h"
#include "cluster/outbox.h"
#include "cluster/splitter.h"
#include "cluster/wire.h"
#include "skynet.h"

struct skynet_socket_message;

namespace runtime::cluster {

struct ClientOptions {
  int dead_after_seconds = 10;       // a silent peer counts as dead; 0: as the system has it
  int timeout_ticks = 0;             // of calls that name none; 0: none
  std::size_t unfinished_bytes = 0;  // answers in parts
  std::size_t compress_from = 0;     // bytes of a payload; 0: compression is off
};

class ClientLink {
 public:
  enum class State { unknown, down, idle, pausing, connecting, up };

  ClientLink(skynet_context* context, std::string node, const ClientOptions& options);
  ~ClientLink();
  ClientLink(const ClientLink&) = delete;
  ClientLink& operator=(const ClientLink&) = delete;

  // Where the node is. Another address than before ends the connection, and makes a new one.
  void set_address(std::string host, int port);
  // Requests wait for an address again, if it is down.
  void set_unknown();
  // Until there is an address, requests fail; `why` says what is known.
  void set_down(std::string_view why);

  // A message of the service. True: it was for the link, which now owns its memory.
  bool take(int type, int session, std::uint32_t source, void* message, std::size_t size);

  LinkStatus status() const;

 private:
  enum class Delivered { no, maybe, yes };

  struct Call {
    std::uint32_t source;
    int session;
    Target target;  // its name points to `name`
    std::string name;
    std::uint64_t deadline = 0;  // 0: none
    std::unique_ptr<Assembly> answer;
  };
  // What waits for an address or for the end of a pause.
  struct Waiting {
    std::uint32_t session;  // small pushes and trace tags have none: 0
    bool call;              // somebody waits for its answer
    std::string head;
    Owned payload;
    bool large;
  };

  bool take_request(int session, std::uint32_t source, std::string_view message);
  bool take_event(const skynet_socket_message& event, std::size_t size);
  bool take_timer(int session);
  void take_trace(std::uint32_t source, std::string_view tag);

  void request(std::uint32_t source, int session, const Target& target, Owned payload, int timeout);
  void send_trace(std::uint32_t source, int session);
  void send(Waiting packet);
  std::uint32_t new_session();

  // In client_connection.cc, also what is due at a time.
  void connect();
  void offer_compression();
  void send_waiting();
  void connected();
  void receive(std::string_view bytes);
  void attempt_failed(std::string_view why);
  bool in_handshake() const { return reached_ && state_ == State::connecting; }
  void lost(std::string_view why);
  void disconnect();
  void set_state(State state);
  void expire();
  void set_timer();

  // Null; or why the packet, and so the connection, is of no use.
  const char* on_answer(std::string_view body);
  void on_part(std::uint32_t session, Call& call, const Answer& answer);
  void answer(Call& call, Owned payload);
  void fail(std::uint32_t session, Delivered delivered, std::string_view why);
  void fail_request(std::uint32_t source, int session, const Target& target, Delivered delivered,
                    std::string_view why);
  void fail_all(Delivered delivered, std::string_view why);
  void drop_waiting(std::string_view why);
  void log(const char* what, const std::string& text);
  std::string address() const;

  skynet_context* const context_;
  const std::string node_;
  const ClientOptions options_;
  std::string host_;
  int port_ = 0;
  State state_ = State::unknown;
  std::uint64_t since_;
  std::string down_;  // why it is down
  int socket_ = -1;
  bool reached_ = false;  // the socket is connected
  std::uint32_t last_session_ = 0;
  std::unordered_map<std::uint32_t, Call> calls_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t early_pushes_ = 0;  // taken since the link was last up
  Splitter splitter_;
  Compression compression_;
  std::uint32_t offer_ = 0;  // the session of the offer of compression; 0: none is under way
  Wire wire_;
  Outbox outbox_;
  Budget budget_;
  std::unordered_map<std::uint32_t, std::string> traces_;  // source -> tag of its next request
  std::set<std::pair<std::uint64_t, std::uint32_t>> deadlines_;  // when, session
  std::optional<std::uint64_t> attempt_ends_, pause_ends_;
  int failures_ = 0;  // in a row
  int timer_session_ = 0;
  std::vector<int> late_timers_;  // sessions of those that an earlier one has made needless
  std::uint64_t timer_due_ = 0;
  std::uint64_t bytes_in_ = 0, requests_ = 0, errors_ = 0, connections_ = 0;
  std::string last_error_;
  std::uint64_t next_log_ = 0, not_logged_ = 0;
};

}  // namespace runtime::cluster
