// The link of another node to this one: it takes the packets of one connection, passes the requests on to the
// services that they are for, and sends the answers back. It belongs to a service (clusteragent), whose messages
// pass through take() before Lua code sees them.
//
// Requests go on in the order in which they came; answers go back as they come.
//
// When the node wants TLS, the peer has 5 seconds for its handshake. A peer that speaks plainly gets an error for
// each request during that time.
//
// Threads: that of the service.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "cluster/link_status.h"
#include "cluster/outbox.h"
#include "cluster/request_reader.h"
#include "cluster/splitter.h"
#include "cluster/wire.h"
#include "skynet.h"

struct skynet_socket_message;

namespace runtime::cluster {

struct ServerOptions {
  std::string peer;  // its address
  int dead_after_seconds = 10;
  std::size_t unfinished_bytes = 0;  // requests in parts
  std::size_t compress_from = 0;     // bytes of a payload; 0: compression is off
};

class ServerLink {
 public:
  // Begins to read the accepted `socket`. When it ends, the service gets the packed message "closed" of type
  // PTYPE_RESERVED_LUA from itself.
  ServerLink(skynet_context* context, int socket, const ServerOptions& options);
  ~ServerLink();
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  // A message of the service. True: it was for the link, which now owns its memory.
  bool take(int type, int session, std::uint32_t source, void* message, std::size_t size);

  // From now on requests are answered with an error that says that they were not delivered. What is under way is
  // answered, and messages without an answer are delivered as before.
  void refuse_requests();

  LinkStatus status() const;  // the address is for its service to tell

 private:
  struct Call {
    std::uint32_t session;  // of the peer
    std::string tag;        // of a traced request
  };

  bool take_event(const skynet_socket_message& event, std::size_t size);
  void receive(std::string_view bytes);
  void feed(std::string_view bytes);
  void mismatch(bool tls);
  void handshake_failed(std::string_view why);
  bool take_timer(int session);
  bool take_response(int type, int session, Owned payload);
  bool on_packet(std::string_view body);
  void deliver(RequestReader::Event& event);
  void query(std::uint32_t session, std::string_view payload);
  void answer(std::uint32_t session, Owned payload);
  void answer_error(std::uint32_t session, std::string_view text);
  void refuse(const RequestReader::Event& event, std::string_view text);
  void complain(std::string_view text);
  enum class Unsent { drop, send };
  void ended(std::string_view why);
  void closed(std::string_view why, Unsent unsent = Unsent::drop);
  void give_up();

  skynet_context* const context_;
  const std::string peer_;
  const std::uint64_t since_;
  int socket_;
  bool begun_ = false;     // it is known whether the peer speaks TLS
  std::string beginning_;  // the bytes until then
  int timer_session_ = 0;  // for the end of the handshake
  Compression compression_;
  RequestReader reader_;
  Splitter splitter_;
  Wire wire_;
  Outbox outbox_;
  std::unordered_map<int, Call> calls_;  // by the session of this service
  std::string tag_;                      // of the next request
  const char* refusal_ = nullptr;        // a static text: why requests are refused
  int complaints_ = 0;
  std::uint64_t bytes_in_ = 0, requests_ = 0, errors_ = 0;
  std::string last_error_;
};

}  // namespace runtime::cluster
