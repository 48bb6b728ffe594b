#include "core/turn.h"

#include "core/node.h"

namespace runtime {

bool Turn::next_given(Message* message) {
  do {
    if (!pop(message)) return false;
  } while (service_.observers_.load(std::memory_order_relaxed) != 0 && service_.observe(*message));
  return true;
}

bool Turn::pop(Message* message) {
  if (service_.retired()) return false;
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
  if (waiting > service_.overload_threshold_) [[unlikely]] {
    while (waiting > service_.overload_threshold_) service_.overload_threshold_ *= 2;
    service_.node_.log(service_.handle_,
                       "error: May overload, message queue length = " + std::to_string(waiting));
  }
  service_.messages_.store(service_.messages_.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
  worker_.note_message(message->source);
  return true;
}

}  // namespace runtime
