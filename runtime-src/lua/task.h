// The coroutines of one Lua service, and what each of them waits for.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/message.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

struct StreamBuffer;

// The bytes of a socket that a task waits for, in the buffer where they gather.
struct AwaitedBytes {
  int socket = 0;  // its id; 0: none are awaited
  StreamBuffer* buffer = nullptr;
  lua_Number enough = 0;  // so many end the wait, and one at least
  lua_Number most = 0;    // what would leave more in the buffer is for the service's own code
};

// What a task waits for, and so what it is resumed with.
enum class Wait : std::uint8_t {
  nothing,
  start,    // a timer's function, which has not begun: nothing
  // A call: the values of the reply, or the reply as it is, a light userdata and a size. On LuaJIT their number comes
  // first; or, when they are many or the call has failed, a function that gives or raises it all, and its arguments.
  reply,
  message,
  unpack,   // a call on LuaJIT: the protocol's own unpack, and the reply as it is
  timer,    // a sleep: nil, or "BREAK" when woken before
  wakeup,   // a wait: nothing
  bytes,    // a read in the task's own coroutine: the bytes; nothing when it is woken without them
  answer,  // an expected answer's function, which has not begun: whether it came, message, size, session
};

// How it stands with the request that a task serves.
enum class Request : std::uint8_t {
  none,    // there is none: a fork, a timer
  open,    // nobody has answered yet
  closed,  // answered, or passed to a response closure, or not to be answered
};

// A coroutine that runs messages, timers and forks; reused when it has ended.
struct Task {
  lua_State* co = nullptr;
  int anchor = 0;  // reference in the registry: keeps `co` alive
  // Another one, made when it is needed: to the token while `table_token`.
  int token_anchor = LUA_NOREF;
  Request request = Request::none;
  Wait wait = Wait::nothing;
  std::uint8_t type = 0;         // of the request
  std::uint8_t called_type = 0;  // of the call, for Wait::unpack
  bool woken = false;            // in the queue of woken tasks
  bool failed = false;       // in the queue of failed calls: it is resumed so that the call raises
  bool own_token = false;    // sleeps or waits on its own coroutine
  bool table_token = false;  // sleeps or waits on a value in the table of tokens
  bool traced = false;       // has a trace tag (lualib/skynet/trace.lua)
  std::int32_t session = 0;  // of the request; 0 for a message that wants no answer
  Handle source = 0;         // of the request
  std::int32_t waits_for = 0;               // the session of its wait
  Handle callee = 0;                        // of a call by handle
  Task* next_idle = nullptr;                // of those that are kept for reuse
  std::string callee_name;                  // of a call by name
  std::unique_ptr<std::string> why_failed;  // while `failed`: what the call raises, if it is known
  std::uint32_t index = 0;                  // in TaskScheduler's list of tasks
  AwaitedBytes bytes;                       // of a Wait::bytes or Wait::wakeup
};

// From sessions to the tasks that wait for them, or to the functions of timers that are to begin
// then. A session may also be ended: its message, when it comes, is dropped. The only one, which most services have, has a
// place in the table itself. Others: open addressing with linear probing, a look-up is a multiplication and a cache line.
class SessionTable {
 public:
  struct Entry {
    std::int32_t session = 0;   // 0: free
    std::int32_t function = 0;  // of TaskScheduler's pending functions; 0: none
    Task* task = nullptr;       // null, and no function: ended
  };
  struct Waiting {
    Task* task = nullptr;
    std::int32_t function = 0;
  };

  void put(std::int32_t session, Waiting waiting) {
    const Entry entry{session, waiting.function, waiting.task};
    if (only_.session == session || (only_.session == 0 && used_ == 0)) {
      only_ = entry;
    } else {
      put_among_others(entry);
    }
  }
  // Null: nothing waits for it, as for session 0, which a program may answer.
  Entry* find(std::int32_t session) {
    if (session == 0) return nullptr;
    if (only_.session == session) return &only_;
    if (used_ == 0) return nullptr;
    for (std::size_t i = home(session);; i = (i + 1) & mask()) {
      if (entries_[i].session == session) return &entries_[i];
      if (entries_[i].session == 0) return nullptr;
    }
  }
  void erase(Entry* entry) {
    if (entry == &only_) {
      only_ = {};
      return;
    }
    // Moves later entries of the same run up, so that no look-up meets a gap before its goal.
    std::size_t gap = static_cast<std::size_t>(entry - entries_.data());
    for (std::size_t i = (gap + 1) & mask(); entries_[i].session != 0; i = (i + 1) & mask()) {
      const std::size_t distance = (i - home(entries_[i].session)) & mask();
      if (distance >= ((i - gap) & mask())) {
        entries_[gap] = entries_[i];
        gap = i;
      }
    }
    entries_[gap] = {};
    --used_;
  }
  // The places of entries; free ones, of session 0, among them.
  std::size_t places() const { return 1 + entries_.size(); }
  const Entry& place(std::size_t index) const { return index == 0 ? only_ : entries_[index - 1]; }

 private:
  void put_among_others(const Entry& entry) {
    if ((used_ + 1) * 4 > entries_.size() * 3) grow();
    std::size_t i = home(entry.session);
    while (entries_[i].session != 0 && entries_[i].session != entry.session) i = (i + 1) & mask();
    if (entries_[i].session == 0) ++used_;
    entries_[i] = entry;
  }
  std::size_t mask() const { return entries_.size() - 1; }
  std::size_t home(std::int32_t session) const {
    return (static_cast<std::uint32_t>(session) * 2654435769u >> 7) & mask();  // Fibonacci hashing
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? 4 : entries_.size() * 2);
    old.swap(entries_);
    used_ = 0;
    for (const Entry& entry : old) {
      if (entry.session != 0) put_among_others(entry);
    }
  }

  Entry only_;  // when it was put there were no others; those that come later do not move it
  std::vector<Entry> entries_;
  std::size_t used_ = 0;
};

}  // namespace runtime::RUNTIME_ENGINE
