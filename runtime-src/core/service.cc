#include "core/service.h"

#include <utility>

#include "base/clock.h"
#include "core/message_log.h"
#include "core/node.h"
#include "core/socket_message.h"
#include "core/turn.h"

namespace runtime {

Service::~Service() {
  if (log_file_ != nullptr) std::fclose(log_file_);
}

void Service::set_callback(skynet_cb callback, void* userdata) {
  callback_ = callback;
  drain_ = nullptr;
  userdata_ = userdata;
}

void Service::set_drain(Drain drain, void* userdata) {
  callback_ = nullptr;
  drain_ = drain;
  userdata_ = userdata;
}

std::int32_t Service::new_session() {
  session_ = session_ == INT32_MAX ? 1 : session_ + 1;
  return session_;
}

void Service::run(Turn& turn) {
  for (;;) {
    if (drain_ != nullptr) {
      // A drain returns early when it replaces itself; the turn then goes on with its successor.
      const Drain drain = drain_;
      void* userdata = userdata_;
      drain(*this, userdata, turn);
      if (drain_ == drain && userdata_ == userdata) return;
      continue;
    }
    Message message;
    if (!turn.next(&message)) return;
    call_back(message);
  }
}

void Service::call_back(Message& message) {
  int keep = 0;
  if (callback_ == nullptr) {
    node_.close_unhandled(message);
  } else {
    keep = callback_(context(), userdata_, message.type(), message.session, message.source,
                     message.data, message.size());
  }
  if (keep == 0) message.free_payload();
}

void Service::set_filter(Filter filter, void* userdata) {
  filter_ = filter;
  filter_userdata_ = userdata;
  if (filter != nullptr) {
    observers_.fetch_or(kFilters, std::memory_order_relaxed);
  } else {
    observers_.fetch_and(~kFilters, std::memory_order_relaxed);
  }
}

bool Service::observe(const Message& message) {
  if (logs_messages()) log_message(message);
  if (filter_ == nullptr) return false;
  // A filter owns what it takes, as those who call Turn::next() do.
  const std::size_t bytes = block_bytes(message.data) + datagram_bytes(message);
  take_bytes(bytes);
  if (filter_(context(), filter_userdata_, message.type(), message.session, message.source,
              message.data, message.size()) != 0) {
    return true;
  }
  give_bytes(bytes);
  return false;
}

Service::Statistics Service::statistics() const {
  std::uint64_t cycles = cycles_.load(std::memory_order_relaxed);
  const Worker* worker = Worker::current();
  if (worker != nullptr && worker->service() == this) cycles += worker->cycles_in_turn();
  return {messages_.load(std::memory_order_relaxed),
          static_cast<double>(cycles) * ns_per_cycle() / 1e9};
}

void Service::signal(int signal) {
  std::lock_guard lock(instance_mutex_);
  if (has_instance_ && module_.signal != nullptr) module_.signal(instance_, signal);
}

std::FILE* Service::exchange_log_file(std::FILE* file) {
  std::lock_guard lock(log_mutex_);
  if (file != nullptr) {
    observers_.fetch_or(kLogsMessages, std::memory_order_relaxed);
  } else {
    observers_.fetch_and(~kLogsMessages, std::memory_order_relaxed);
  }
  return std::exchange(log_file_, file);
}

void Service::log_message(const Message& message) {
  std::lock_guard lock(log_mutex_);
  if (log_file_ != nullptr) write_message_log(log_file_, message, node_.timer.now());
}

}  // namespace runtime
