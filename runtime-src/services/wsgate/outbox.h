// What an I/O thread says to services.
//
// Threads: one. Packages leave together, with flush() or when there are many: the services they are
// for run on other threads, and waking those costs more than anything else here, so they are woken
// once for all that the loop brought while it was busy. The rest leaves at once, behind the
// packages before it: libwebsockets may go to sleep after a timer's work.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "services/wsgate/block.h"
#include "skynet_mq.h"

namespace runtime::wsgate {

// Who is who, for all threads of a gate.
struct Addresses {
  std::uint32_t gate = 0;
  std::uint32_t watchdog = 0;             // 0: none
  std::atomic<std::uint32_t> broker = 0;  // gets all packages; 0: none
  int package_type = 0;                   // message type
};

class Outbox {
 public:
  explicit Outbox(const Addresses& addresses) : addresses_(addresses) {}
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // To the watchdog, if there is one: "<id> <text>".
  void tell_watchdog(int id, std::string_view text);

  // One package of a peer: to the broker, else to the agent in the name of `client`, else to the
  // watchdog.
  void deliver(int id, std::uint32_t agent, std::uint32_t client, Block package, std::size_t size);

  // A line for the log, by way of the gate: only its own thread may log in its name.
  void log(std::string_view line);

  // Sends the packages since the last time. Messages to services that have ended are dropped.
  void flush();
  std::size_t size() const { return letters_.size(); }  // packages that wait for flush()

 private:
  struct Letter {
    std::uint32_t to;
    skynet_message message;
  };
  void post(std::uint32_t to, std::uint32_t source, int type, int session, Block bytes,
            std::size_t size);

  const Addresses& addresses_;
  std::vector<Letter> letters_;
};

}  // namespace runtime::wsgate
