// Runs the messages of one Lua service as tasks: coroutines that block on replies, timers and
// wake-ups.
//
// Order:   for each message: (1) the task that waits for it is resumed, or a new one is started;
//          (2) whenever a task blocks or ends, the woken tasks run, then those whose call has
//          failed; (3) then the forks. Only then comes the next message.
// Threads: the worker that runs the service.
// Errors:  what raises in a task ends that task. What raises outside of one (a reply that nobody
//          waits for, a protocol's own unpack) ends the handling of that message. Both are
//          logged, and the requester gets an error message. The end of a task needs no memory: it is
//          released and its requester answered also when its error cannot be told for want of it.
//
// What ends before its time (tasks that raise or are killed, calls that fail, requests without an
// answer, the service) is in task_endings.cc; how tasks get their coroutines in task_starts.cc; who
// waits for bytes of a socket in task_reads.cc; what a reply gives a task in task_replies.cc;
// everything else in task_scheduler.cc.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/ring_queue.h"
#include "core/service.h"
#include "core/turn.h"
#include "lua/engine.h"
#include "lua/known_strings.h"
#include "lua/pending_functions.h"
#include "lua/profiler.h"
#include "lua/public_table.h"
#include "lua/raw_stack.h"
#include "lua/session_table.h"
#include "lua/task.h"

namespace runtime::RUNTIME_ENGINE {

class TaskScheduler {
 public:
  // `L` is the state's main thread. The marks outlive the scheduler.
  TaskScheduler(Service& service, lua_State* L, Profiler::Marks& marks);
  ~TaskScheduler();

  // ---- the dispatcher ----

  enum class Entry {
    protected_call,  // inside of a lua_pcall: may raise (see Errors above)
    bare,            // outside of any: must not raise (but for finalizers of LuaJIT)
  };

  // Handles one message, all of it. L: the main thread. The payload that the message has afterwards is the caller's: a
  // receiver may have kept it. False, with nothing done: on a bare entry, what this message needs may raise.
  bool handle(lua_State* L, Message& message, Entry entry);

  // Runs what is left to run after a message whose handling raised.
  void settle(lua_State* L);

  // The errors of tasks since the last call, joined by newlines; empty if there were none.
  std::string take_errors();
  bool has_errors() const { return has_errors_; }

  // After handle() has raised: answers the request it was about; if it was about a reply, the task
  // that waited for that goes on with a failed call.
  void refuse(const Message& message);

  // ---- for the functions that Lua calls (task_functions.h) ----

  Service& service() { return service_; }
  Task* current() { return current_; }
  std::int32_t new_session();

  // Makes the current task wait; the caller then calls block() and yields.
  void wait_for(std::int32_t session, Wait wait);
  void block() { suspending_ = true; }
  // What comes over a socket is for these bytes from now on, and no longer. Both do nothing if the socket is 0; the
  // first may throw (memory).
  void open_stream(AwaitedBytes& bytes);
  void close_stream(AwaitedBytes& bytes);
  // The current task, which waits for a wake-up, gets it as well when enough of them, whose number is set, have come.
  void wait_for_bytes(AwaitedBytes& bytes);
  // The current task, whose own coroutine runs, waits for nothing but them and a wake-up; the caller
  // then calls block() and yields.
  void wait_to_read(AwaitedBytes& bytes);
  // Wakes the task that waits so. It is resumed without bytes.
  void wake_reader(AwaitedBytes& bytes);

  // A pooled or new task.
  Task* take(lua_State* L);
  void queue_fork(Task* task) { queue(forks_, task); }
  // Makes a task that has not begun wait for the message of `session` (Wait::start or
  // Wait::answer).
  void wait_to_start(Task* task, std::int32_t session, Wait wait);
  // Makes the function at `index` wait for the message of `session`, as a task with Wait::start
  // would. May raise (memory).
  void wait_to_start(lua_State* L, int index, std::int32_t session);
  // The task that waits for `session`; that of a function is made now. Null: nothing waits. May
  // raise (memory).
  Task* task_of(lua_State* L, std::int32_t session);
  // The message of `session` is dropped when it comes, and a task that has not begun is given up.
  void forget_answer(std::int32_t session);
  Task* find(lua_State* co);

  // Marks a task that sleeps or waits; it runs when the current one blocks.
  void wake(Task* task);
  bool wakes(const Task* task) const {
    return task->wait == Wait::timer || task->wait == Wait::wakeup || task->wait == Wait::bytes;
  }

  // A token was put into refs.tokens. It goes when the wait ends.
  void count_token() { ++tokens_; }
  bool has_tokens() const { return tokens_ != 0; }

  // `why` is told by the error that the caller gets: "call failed: WHY".
  void fail_call(std::int32_t session, std::string_view why = {});
  void fail_calls_to(Handle callee);
  void fail_calls_to(std::string_view callee);

  // Ends a task that blocks or has not started: it is closed, its requester gets an error message.
  // False for others.
  bool kill(lua_State* L, Task* task);

  // Lua 5.4: whether the call that has just been resumed has failed; forgets it.
  bool take_failure() { return std::exchange(call_failed_, false); }
  // Raises what a failed call raises.
  int raise_failure(lua_State* L);
  // Raises the errors of tasks, if there were any.
  int raise_errors(lua_State* L);

  // The end: drops the forks, tells requesters and callees. The current task then yields, as if it
  // blocked; it is closed, and after it all that block.
  void exit();
  // The same for a service that was killed: only tells requesters, touches no Lua state.
  void tell_requesters();

  // Of the waits for messages, and of other waits but those to read: for these no message comes.
  WaitTable& sessions() { return sessions_; }
  const StreamTable& streams() const { return streams_; }
  // Forgotten and ignored requests are answered with an error when the service ends.
  void forget(Task& task);
  // A request that a response closure will answer, and that it has done so; what is still promised
  // when the service ends is answered with an error.
  void promise(const Task& task);
  void keep_promise(Handle source, std::int32_t session);

  // Pushes what a reference of the registry stands for: lua_rawgeti().
  void push_reference(lua_State* L, int reference) const;

  // References in the registry.
  struct References {
    int skynet = LUA_NOREF;     // the table skynet.native, which skynet.lua completes
    int protocols = LUA_NOREF;  // table: name and type -> protocol
    int tokens = LUA_NOREF;     // table: token -> light userdata of the Task
    int suspend = LUA_NOREF;    // "SUSPEND": what a blocked coroutine yields to those that drive it
    int dispatch = LUA_NOREF;   // "dispatch", "unpack", "pack", "id": the keys of a protocol
    int unpack = LUA_NOREF;
    int pack = LUA_NOREF;
    int id = LUA_NOREF;
    int interrupted = LUA_NOREF;    // "BREAK": what a sleep gives that was woken before its time
    int raise_failure = LUA_NOREF;  // LuaJIT: the function that raises what a failed call raises
    // The modules in lualib that hand these over are loaded when one is first needed.
    int unknown_response = LUA_NOREF;  // skynet.unknown: function(session, source, message, size)
    // skynet.unknown: function(session, source, message, size, type or name)
    int unknown_request = LUA_NOREF;
    // skynet.multicast: table: number of a channel -> the object that gets what is published there;
    // and "__dispatch" and "__unpack", the object's fields that count.
    int channels = LUA_NOREF;
    int channel_dispatch = LUA_NOREF;
    int channel_unpack = LUA_NOREF;
    int dead = LUA_NOREF;  // skynet.response: function(source): its response closures are dead
    // skynet.trace: function(event, co, source, type, about) -> whether co stays traced.
    int trace = LUA_NOREF;
  };
  // The protocol "lua", that of nearly all messages. Its table is made here (lua_native.cc) and
  // known to nobody else, so that nothing has to be looked up in it. Once somebody gets to see the
  // table this ends.
  struct LuaProtocol {
    // The state's own string, which can be told by its address; null: look it all up.
    const char* name = nullptr;
    // Its dispatch function, while has_dispatch: what is pushed for each message, when raw values are known, and a
    // reference to it.
    RawValue handler{};
    int dispatch = LUA_NOREF;
    bool has_dispatch = false;  // it is a function
  };

  // Tells refs.trace, with the address of a call. Does not raise: a task whose event cannot be told
  // is no longer traced.
  void trace(lua_State* L, const char* event, Task* task, Handle callee = 0,
             const char* callee_name = nullptr);

 private:
  bool on_response(lua_State* L, const Message& message, Entry entry);
  bool on_error(lua_State* L, const Message& message, Entry entry);
  bool on_request(lua_State* L, Message& message, Entry entry);
  // Push what a request's task begins with: its handler, session and source, and what unpack gives.
  // They return the number of these last values, or one below 0 (task_scheduler.cc).
  int push_lua_request(lua_State* L, const Message& message);
  // The same, at once where the task's coroutine takes them, for messages as most are. False: it takes the other way.
  bool start_plain_request(lua_State* L, const Message& message);
  KnownStrings* known_strings();
  int push_published(lua_State* L, const Message& message, Entry entry);
  int push_request(lua_State* L, const Message& message, Entry entry);
  void on_unhandled(lua_State* L, const Message& message, bool known);
  // Gives what was received (is_received) to the task that awaits it, and the payload with it or not. False: none does.
  bool feed_reader(lua_State* L, Message& message);
  // Pushes what the message gives the task that waits for it; the number of values. *is_reply becomes whether they are those of
  // a call's reply. May raise. (task_replies.cc)
  [[gnu::noinline]] int push_awaited(lua_State* L, const Task& task, const Message& message,
                                     bool* is_reply);
  // Moves the uppermost values to the task's coroutine, those of a reply in the form that a call expects. Gives the number
  // of values to resume it with. (task_replies.cc)
  int give_values(lua_State* L, Task* task, int values, bool is_reply);
  // Unpacks a reply where the coroutine of the task that waits for it takes the values, for replies as most are. Gives the
  // number of values to resume it with; below 0, with nothing done: it takes the other way. (task_replies.cc)
  int give_plain_reply(Task* task, const Message& message);
  // Makes the call that is resumed next raise: gives the number of values to resume it with.
  int push_failure(lua_State* L);
  void start_request(lua_State* L, const Message& message, int values);
  // How the function and its arguments lie on a coroutine's stack: as lua_resume() expects them, or as resume_frame() does.
  enum class Stack { plain, framed };
  template <Stack stack>
  void begin_request(lua_State* L, Task* task, const Message& message, int values);

  void resume(lua_State* L, Task* task, int values);
  template <Stack stack>
  void run(lua_State* L, Task* task, int values);
  void stopped(lua_State* L, Task* task, int status, int results);
  void ended(lua_State* L, Task* task);
  // The task's coroutine has failed, its error value is on top. It is closed and gone afterwards.
  void raised(lua_State* L, Task* task);
  // Adds the error on top of `co`, with its traceback as far as memory allows, to those of
  // take_errors().
  void keep_error(lua_State* L, lua_State* co);
  static int l_keep_error(lua_State* L);
  struct Event {
    const char* name;
    Task* task;
    Handle callee;
    const char* callee_name;
  };
  static int l_trace(lua_State* L);
  // Logs that the task has ended without an answer to its request.
  void warn_forgotten(lua_State* L, Task* task);
  bool log_by_program(lua_State* L, std::string_view text);
  // Makes the task that waited for the reply that could not be taken go on.
  void fail_lost_reply();
  // Ends a wait without its message. One that may still come is dropped then.
  void drop_wait(Task* task, bool message_will_come);
  void drop_reader(Task* task);  // which awaits bytes
  // Makes a wait to read a plain one.
  static void end_reading(Task* task);
  // Pushes what the task gets that has waited to read; gives the number of values.
  int push_bytes(lua_State* L, Task* task);
  void answer_error(Handle to, std::int32_t session);
  // After exit(): closes the task that called it, and then the others.
  void close_all(lua_State* L, Task* first);
  void close_blocked(lua_State* L);
  // Puts a task into one of the queues that settle() empties.
  void queue(RingQueue<Task*>& tasks, Task* task) {
    tasks.push(task);
    has_queued_ = true;
  }
  void recycle(Task* task);
  void recycle_ended(Task* task);  // the same, where most messages come
  void push_idle(Task* task) {
    ++idle_count_;
    task->next_idle = std::exchange(idle_, task);
  }
  Task* pop_idle() {  // there is one
    --idle_count_;
    return std::exchange(idle_, idle_->next_idle);
  }
  void review_idle();
  void discard(lua_State* L, Task* task);
  void run_woken(lua_State* L);
  void run_failed(lua_State* L);
  void run_fork(lua_State* L);
  Task* make_task(lua_State* L);
  Task* allocate_task();
  void free_task(Task* task);
  void start_function(lua_State* L, std::int32_t function);
  void postpone(std::int32_t function);
  void drop_functions();

  // Ended coroutines that are kept for reuse: so many, and up to so many while a service needs more of
  // them at a time, again and again. (One takes 1 KB; to make it takes as long as a message.)
  static constexpr std::uint16_t kIdleTasks = 256;
  static constexpr std::uint16_t kMostIdleTasks = 1024;
  static constexpr std::size_t kFewTasks = 8;
  static constexpr std::uint32_t kFewRequests = 64;
  // Ends of tasks between two looks whether all are needed.
  static constexpr std::uint32_t kReview = 16384;

  struct Unanswered {
    std::unordered_set<std::uint64_t> promised;            // source and session of requests
    RingQueue<std::pair<Handle, std::int32_t>> forgotten;  // requests, the latest 4096 of them
  };
  Unanswered& unanswered();

  // ---- data ----
  // What each message needs comes first, on two lines of the caches, and the task that most have on a third: where many
  // services have a message now and then, each of these lines is fetched anew.
 public:
  LuaProtocol lua_protocol;
  bool tracing = false;    // some task is traced, or some protocol is
  bool responses = false;  // there are response closures: refs.dead wants to know

 private:
  bool suspending_ = false;  // the current task yields because it blocks
  bool call_failed_ = false;
  bool exited_ = false;
  bool session_wrapped_ = false;
  bool has_queued_ = false;  // something may be in woken_, failed_ or forks_
  bool has_errors_ = false;  // something is in errors_
  Service& service_;
  const RawTable* const registry_;  // null when it is to be read with the interface
  Task* current_ = nullptr;
  std::unique_ptr<KnownStrings> strings_;
  Task* idle_ = nullptr;  // ended, kept for reuse: the latest; the others by Task::next_idle
  std::uint16_t idle_count_ = 0;
  std::uint16_t idle_limit_ = kIdleTasks;
  std::uint16_t least_idle_ = 0;  // there were, since the last review
  bool dropped_idle_ = false;     // a task, since one was last made
  std::uint32_t recycled_ = 0;
  Profiler::Marks& marks_;
  // A task has its place here: one service needs no more, another one makes others. (std::optional would take a line
  // more for its flag.)
  alignas(Task) std::byte place_of_first_[sizeof(Task)];
  std::uint32_t requests_ = 0;  // until there are known strings
  std::int32_t last_session_ = 0;
  std::uint32_t tokens_ = 0;  // in refs.tokens
  bool has_first_ = false;
  WaitTable sessions_;
  std::string errors_;
  RingQueue<Task*> woken_, failed_, forks_;

  lua_State* const main_;
  // Types of messages that a bare entry cannot handle, since their protocol has an unpack of its own.
  std::bitset<256> needs_protection_;
  std::string failure_text_;
  StreamTable streams_;
  std::vector<Task*> tasks_;  // all that are not discarded: they end with the scheduler
  // Null while there are few tasks: find() looks through them.
  std::unique_ptr<std::unordered_map<lua_State*, Task*>> by_coroutine_;
  PendingFunctions functions_;
  std::unique_ptr<Unanswered> unanswered_;  // made when it is needed

 public:
  // "ret" and "pack" of refs.skynet, while they are the native ones. Null: not looked at.
  std::unique_ptr<KeptFields> native_reply;
  References refs;
};

}  // namespace runtime::RUNTIME_ENGINE
