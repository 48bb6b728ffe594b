// Whether compression pays on a connection: a network that is faster than zstd is better left plain.
//
// A connection begins with compressed payloads. After a megabyte of them comes a trial: payloads go plain until the
// network has been busy for long enough to tell how fast it takes them. Compression pays as long as it gets a payload to
// the other node at 0.8 of the speed or better; then the next trial is due after 31 times what the last one took.
// Else payloads go on plain, as in a trial that has no end, but for one now and then that tells what compressing costs.
//
//   compressed --(next_trial bytes)--> trial --(the network is slow)--> compressed
//                                      |    <--(it is fast)--+
//                                      +---------------------+
//
// A network counts as slow, too, when it waits for round trips: the time of few bytes that are long under way counts in
// full. So a quiet connection to a distant node is compressed, however wide the network.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "skynet_socket.h"

namespace runtime::cluster {

class Payoff {
 public:
  // What is to be done with a payload.
  enum class Way { plain, compressed, timed };  // timed: compressed, and cost() is to be told

  // Of the next one, of so many bytes. `progress()` gives what the socket tells, or nothing where it cannot be known: then compression
  // pays. It is rarely asked.
  template <class Ask>
  Way next(std::size_t bytes, const Ask& progress) {
    if (left_ <= bytes) look(progress());
    left_ -= bytes < left_ ? bytes : left_;
    return way();
  }
  // Compressing a payload has taken so long and has left so many bytes of it; 0: it would not get shorter.
  void cost(std::uint64_t nanoseconds, std::size_t bytes, std::size_t written);

  bool compresses() const { return compresses_; }

 private:
  static constexpr std::uint64_t kFirstTrial = 1024 * 1024;
  static constexpr std::uint64_t kStep = 256 * 1024;  // in a trial: how often to look
  // What tells enough: so many bytes, or steps of the kernel's clock.
  static constexpr std::uint64_t kEnoughBytes = 8 * 1024 * 1024;
  static constexpr std::uint64_t kEnoughBusy = 40'000;
  static constexpr std::uint64_t kRest = 31;  // of 32 bytes are compressed
  static constexpr unsigned kTimedOf = 16;

  void look(const std::optional<runtime_send_progress>& now);
  void begin_window(const runtime_send_progress& now);
  bool pays() const;
  Way way();

  bool compresses_ = true;
  std::uint64_t left_ = kFirstTrial;  // bytes until the next look
  unsigned until_timed_ = 1;          // payloads; 0: none
  runtime_send_progress begun_ = {};  // where the window began
  std::uint64_t window_ = 0;          // bytes of payloads in it
  // Sums in which the past fades.
  double network_bytes_ = 0, network_us_ = 0;
  double cost_ns_ = 0, cost_bytes_ = 0, cost_written_ = 0;
};

}  // namespace runtime::cluster
