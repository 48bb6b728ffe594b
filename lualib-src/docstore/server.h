// The store as a service has it: requests come from sockets, and from services of this process as messages.
//
// The messages of its service pass through take() before Lua code sees them. Frames that come from a socket go to the
// store as they are whole, in their order; answers leave from the store's thread, or from the service's for what is
// short and comes alone, straight to the socket or to the service that asked. A frame that is malformed ends its connection, with one line in the log.
//
// Peers that send faster than the store works are not read from while too many bytes of requests wait.
//
// Threads: that of the service; answers are given by it, and by the store's own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "docstore/store.h"
#include "skynet.h"

struct skynet_socket_message;

namespace runtime::docstore {

// The type of the messages that services ask with: a frame, in a request. skynet.db.mongo has the same number.
constexpr int kMessageType = 208;

class Server {
 public:
  explicit Server(skynet_context* context);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What is wrong, or nothing.
  std::string open(const StoreOptions& options) { return store_.open(options); }

  // Begins to serve an accepted socket.
  void accept(int socket, std::string_view address);

  // A message of the service. True: it was for the server, which now owns its memory.
  bool take(int type, int session, std::uint32_t source, void* message, std::size_t size);

  std::size_t connections() const { return links_.size(); }

 private:
  struct Link {
    std::string address;
    std::string unfinished;  // the beginning of a frame
    std::size_t owed = 0;    // bytes that were taken and not acknowledged
  };

  bool take_event(const skynet_socket_message& event);
  bool feed(int socket, Link& link, std::string_view bytes);
  bool submit_frame(int socket, const Link& link, std::string_view frame);
  void acknowledge_owed();
  void serve();
  void ask(int session, std::uint32_t source, std::string_view frame);
  void complain(const Link& link, const char* what);
  void close(int socket);
  static void deliver(void* self, std::vector<Answer>& answers);

  skynet_context* const context_;
  const std::uint32_t handle_;
  std::unordered_map<int, Link> links_;
  // Bytes of requests of sockets that are not answered yet.
  std::atomic<std::size_t> pending_{0};
  // Somebody is owed an acknowledgement: who answers next tells the service. Set and read in the order that makes one of
  // the two sides see the other: the flag, then pending_; pending_, then the flag.
  std::atomic<bool> owes_{false};
  Store store_;
};

}  // namespace runtime::docstore
