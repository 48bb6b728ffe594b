// What the I/O threads say to services.
//
// Threads: any. A message to a service that has ended is dropped, as skynet_send would do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runtime::wsgate {

class Outbox {
 public:
  // `package_type` is the message type of packages.
  Outbox(std::uint32_t self, std::uint32_t watchdog, int package_type)
      : self_(self), watchdog_(watchdog), package_type_(package_type) {}

  // From now on all packages go there; 0: as if there were no broker.
  void set_broker(std::uint32_t broker) { broker_.store(broker, std::memory_order_relaxed); }

  // To the watchdog, if there is one: "<id> <text>".
  void tell_watchdog(int id, std::string_view text) const;

  // One package of a peer, from malloc; it becomes the receiver's: the broker, else the agent, else the watchdog.
  void deliver(int id, std::uint32_t agent, std::uint32_t client, char* package, std::size_t size) const;

  // A line for the log, by way of the gate: only its own thread may log in its name.
  void log(std::string_view line) const;

 private:
  const std::uint32_t self_;
  const std::uint32_t watchdog_;  // 0: none
  const int package_type_;
  std::atomic<std::uint32_t> broker_ = 0;  // 0: none
};

}  // namespace runtime::wsgate
