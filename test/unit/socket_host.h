// A host for socket servers under test: keeps their events, and waits for them under a deadline.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/socket_message.h"
#include "net/socket_server.h"

namespace runtime {

struct TestEvent {
  Handle to;
  int type;
  int id;
  int ud;
  std::string data;     // the text, or the bytes of the buffer
  std::string address;  // udp: the sender
};

class TestHost {
 public:
  static constexpr auto kDeadline = std::chrono::seconds(20);

  SocketHost host() { return {this, post, post_received, log, now}; }

  // Removes and returns the first event of that type and id (-1: any), waiting for it.
  TestEvent take(int type, int id = -1) {
    std::unique_lock lock(mutex_);
    std::list<TestEvent>::iterator found;
    const bool come = changed_.wait_for(lock, kDeadline, [&] {
      for (found = events_.begin(); found != events_.end(); ++found) {
        if (found->type == type && (id == -1 || found->id == id)) return true;
      }
      return false;
    });
    if (!come) {
      ADD_FAILURE() << "no event " << type << " of " << id;
      return {};
    }
    TestEvent event = *found;
    events_.erase(found);
    return event;
  }

  // At least `size` bytes of the stream `id`.
  std::string gather(int id, std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      const TestEvent event = take(kSocketData, id);
      if (event.data.empty()) break;
      bytes += event.data;
    }
    return bytes;
  }

  std::size_t count(int type, int id) {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const TestEvent& event : events_) n += event.type == type && event.id == id;
    return n;
  }

  // The types of the events of one id, in order, "1" for data and so on.
  std::string order(int id) {
    const std::lock_guard lock(mutex_);
    std::string types;
    for (const TestEvent& event : events_) {
      if (event.id == id) types += std::to_string(event.type);
    }
    return types;
  }

  bool wait_for_log(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kDeadline, [&] { return logged(part) > 0; });
  }
  std::size_t log_count(const std::string& part) {
    const std::lock_guard lock(mutex_);
    return logged(part);
  }

  // How many messages came at once, at most.
  std::size_t most_together() {
    const std::lock_guard lock(mutex_);
    return most_together_;
  }

  // While it lives, nothing can be posted: whoever wants to, waits.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

  // From now on messages to `handle` are refused.
  void kill(Handle handle) {
    const std::lock_guard lock(mutex_);
    dead_.insert(handle);
  }

 private:
  static bool post(void* context, Handle to, const Message& message) {
    EXPECT_EQ(message.type(), kTypeSocket);
    auto* const data = static_cast<char*>(message.data);
    SocketEvent raw;
    std::memcpy(&raw, data, sizeof(raw));
    const std::string_view tail(data + sizeof(raw), message.size() - sizeof(raw));
    TestEvent event{to, raw.type, raw.id, raw.ud, {}, {}};
    if (raw.buffer != nullptr) {
      event.data.assign(raw.buffer, static_cast<std::size_t>(raw.ud));
      event.address = tail;
    } else {
      event.data = tail;
    }
    if (!static_cast<TestHost*>(context)->keep({&event, 1})) return false;
    std::free(raw.buffer);
    message.free_payload();
    return true;
  }
  static bool post_received(void* context, Handle to, std::span<const Message> messages) {
    std::vector<TestEvent> events;
    for (const Message& message : messages) {
      EXPECT_TRUE(is_received(message));
      const std::string bytes(static_cast<const char*>(message.data), message.size());
      const int size = static_cast<int>(message.size());
      events.push_back({to, kSocketData, message.session, size, bytes, {}});
    }
    if (!static_cast<TestHost*>(context)->keep(events)) return false;
    for (const Message& message : messages) message.free_payload();
    return true;
  }
  static void log(void* context, std::string_view text) {
    auto& self = *static_cast<TestHost*>(context);
    const std::lock_guard lock(self.mutex_);
    self.lines_.emplace_back(text);
    self.changed_.notify_all();
  }
  static std::uint64_t now(void*) { return 1'000'000; }

  // Events of one service, unless that is dead.
  bool keep(std::span<const TestEvent> events) {
    const std::lock_guard lock(mutex_);
    if (dead_.count(events.front().to) != 0) return false;
    events_.insert(events_.end(), events.begin(), events.end());
    most_together_ = std::max(most_together_, events.size());
    changed_.notify_all();
    return true;
  }

  std::size_t logged(const std::string& part) const {
    std::size_t n = 0;
    for (const std::string& line : lines_) n += line.find(part) != std::string::npos;
    return n;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<TestEvent> events_;
  std::size_t most_together_ = 0;
  std::vector<std::string> lines_;
  std::set<Handle> dead_;
};

// Polls `condition` until it holds, under the same deadline; for what causes no event.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + TestHost::kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace runtime
