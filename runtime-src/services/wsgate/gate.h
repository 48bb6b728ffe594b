// The service wsgate: WebSocket connections as the C service gate has TCP connections.
//
//   peers <-> GateThread (libwebsockets) --- messages ---> watchdog, broker, agents
//                 ^--- commands --- Gate <--- messages ---'
//
// Threads: as any service, one at a time. It understands commands and passes them on; connections
// live on the I/O threads, each on one, and its id says on which. What peers send the I/O threads
// send to services directly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/wsgate/gate_thread.h"
#include "services/wsgate/options.h"
#include "services/wsgate/outbox.h"
#include "skynet.h"

namespace runtime::wsgate {

class Gate {
 public:
  Gate() = default;
  ~Gate();  // ends the I/O threads, and with them the connections
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Listens, and handles the messages of `context` from now on. False: the reason has been logged.
  bool init(skynet_context* context, std::string_view launch_string);

 private:
  static int on_message(skynet_context* context, void* self, int type, int session,
                        std::uint32_t source, const void* message, std::size_t size);

  bool fail(const std::string& reason);
  bool find_watchdog();
  void complete_certificate();
  bool start_threads();

  void run_command(std::string_view line);
  void forward(std::string_view arguments);
  // Takes the message, whatever comes of it.
  void send_to_peer(int id, std::uint32_t source, Block message, std::size_t size);
  // Gives a command to the thread that has its connection.
  void dispatch(Command command);

  skynet_context* context_ = nullptr;
  Options options_;
  Addresses addresses_;
  Shared shared_{options_, addresses_};
  std::vector<std::unique_ptr<GateThread>> threads_;
};

}  // namespace runtime::wsgate
