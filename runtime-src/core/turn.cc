#include "core/turn.h"

#include "core/node.h"

namespace runtime {

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
    service_.overload_at_ = 1;
    ++left_;
    return false;
  }
  if (waiting > service_.overload_at_ * Service::kOverload) [[unlikely]]
    warn_overload(waiting);
  note(*message);
  return true;
}

void Turn::warn_overload(std::size_t waiting) {
  while (waiting > service_.overload_at_ * Service::kOverload) service_.overload_at_ *= 2;
  service_.node_.log(service_.handle_,
                     "error: May overload, message queue length = " + std::to_string(waiting));
}

}  // namespace runtime
