// One stretch of messages that a service may handle before others have their turn.
//
// Bounds:  kMessages messages; the given time, looked at every kMessagesPerLook messages. What waits then is
//          for the next turn.
// Threads: the worker that runs the service.
#pragma once

#include <cstdint>

#include "base/memory_ledger.h"
#include "core/mailbox.h"
#include "core/message.h"
#include "core/service.h"
#include "core/socket_message.h"
#include "core/worker.h"

namespace runtime {

class Turn {
 public:
  Turn(Worker& worker, Service& service, std::uint64_t limit_cycles)
      : worker_(worker), service_(service), end_(worker.mark() + limit_cycles) {}

  // The next message, which the caller now owns; false ends the turn. When the service has been
  // retired there is no next one.
  bool next(Message* message) {
    if (!next_given(message)) return false;
    if (is_received(*message)) *message = event_of(*message);
    take_bytes(block_bytes(message->data) + datagram_bytes(*message));
    return true;
  }
  // The same, but the payload is not on the service's account: for callers that give it to nobody
  // and end it with free_given(). They also know what is_received(), and take datagram_bytes().
  [[gnu::always_inline]] bool next_given(Message* message) {
    // What pop() does most times, without a call: with a message of the batch, and when nothing waits.
    if (service_.retired() || (left_ - 1) % kMessagesPerLook == 0) return next_slowly(message);
    if (!service_.mailbox_->pop_of_batch(message)) {
      if (service_.mailbox_->has_arrived()) return next_slowly(message);
      service_.overload_at_ = 1;
      return false;
    }
    --left_;
    note(*message);
    return service_.observers_.load(std::memory_order_relaxed) == 0 || show(message);
  }
  // See Mailbox::fetch_ahead.
  void fetch_ahead() const;

  // A turn that handles small messages should take about the time in which a service that waits for
  // it does not mind, and many times that of the hand-over. When messages that go from service to
  // service all meet in one of them, the next turn of that one is work for another worker: after 64
  // it would often find nothing (docs/performance.md).
  static constexpr int kMessages = 32;
  static constexpr int kMessagesPerLook = 8;

 private:
  // The next message of the mailbox, if the turn is to go on.
  bool pop(Message* message);
  void note(const Message& message) {
    service_.messages_.store(service_.messages_.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
    worker_.note_message(message.source);
  }
  // These are apart so that the way of a common message needs few registers.
  [[gnu::noinline]] bool next_slowly(Message* message);
  [[gnu::noinline]] bool show(Message* message);
  [[gnu::noinline]] void warn_overload(std::size_t waiting);

  Worker& worker_;
  Service& service_;
  const std::uint64_t end_;  // in cycles(): after that it takes no more messages
  int left_ = kMessages;
};

}  // namespace runtime
