#include "core/turn.h"

#include "core/node.h"

namespace runtime {

inline void Turn::note(const Message& message) {
  service_.messages_.store(service_.messages_.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
  worker_.note_message(message.source);
}

bool Turn::next_given(Message* message) {
  // What pop() does most times, without a call: with a message of the batch, and when nothing waits.
  if (service_.retired() || (left_ - 1) % kMessagesPerLook == 0) return next_slowly(message);
  if (!service_.mailbox_->pop_of_batch(message)) {
    if (service_.mailbox_->has_arrived()) return next_slowly(message);
    service_.overload_threshold_ = Service::kOverload;
    return false;
  }
  --left_;
  note(*message);
  return service_.observers_.load(std::memory_order_relaxed) == 0 || show(message);
}

void Turn::fetch_ahead() const { service_.mailbox_->fetch_ahead(); }

bool Turn::next_slowly(Message* message) { return pop(message) && show(message); }

// Shows the message to those who asked for it; when they have taken it, the next one, and so on.
bool Turn::show(Message* message) {
  while (service_.observers_.load(std::memory_order_relaxed) != 0) {
    if (is_received(*message)) *message = event_of(*message);
    if (!service_.observe(*message)) break;
    if (!pop(message)) return false;
  }
  return true;
}

bool Turn::pop(Message* message) {
  if (service_.retired() && !service_.handles_rest_) return false;
  if (--left_ % kMessagesPerLook == 0) {
    worker_.count_time(service_);
    if (left_ == 0 || worker_.mark() > end_) {
      left_ = 1;  // a drain that asks once more hears the same
      return false;
    }
  }
  std::size_t waiting = 0;
  if (!service_.mailbox_->pop(message, &waiting)) {
    service_.overload_threshold_ = Service::kOverload;
    ++left_;
    return false;
  }
  if (waiting > service_.overload_threshold_) [[unlikely]]
    warn_overload(waiting);
  note(*message);
  return true;
}

void Turn::warn_overload(std::size_t waiting) {
  while (waiting > service_.overload_threshold_) service_.overload_threshold_ *= 2;
  service_.node_.log(service_.handle_,
                     "error: May overload, message queue length = " + std::to_string(waiting));
}

}  // namespace runtime
