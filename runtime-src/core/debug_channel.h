// A channel of texts between a service and the agent that debugs it (skynet.debugchannel). It has
// two ends: the creator's, and one that another service, perhaps on the other Lua engine, connects
// by its address. What either end writes, either end reads.
//
// Threads: any.
// Ownership: each end holds the channel; the last release() frees it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

namespace runtime {

class DebugChannel {
 public:
  static DebugChannel* create();

  // Takes the second end of the channel at `address`; null if there is no such channel, or if its
  // second end has been taken before. `address` may be any pointer.
  static DebugChannel* connect(void* address);

  void release();

  void write(std::string text);

  // Takes the oldest text. Waits for it for as long as `timeout_ms`; 0 does not wait. False: there
  // is none.
  bool read(std::string* text, std::int64_t timeout_ms);

 private:
  DebugChannel() = default;
  ~DebugChannel() = default;

  bool connected_ = false;  // guarded by the mutex of the list of channels
  int ends_ = 1;            // the same
  std::mutex mutex_;
  std::condition_variable written_;
  std::deque<std::string> texts_;  // guarded by mutex_
};

}  // namespace runtime
