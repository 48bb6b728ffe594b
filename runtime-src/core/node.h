// One node: the parts of the core, and what happens between them.
//
// main() builds it from a config, calls start(), wait(), and lets it go. A test can build two, but
// the C plugin interface (api/) serves one at a time: the one that api::attach() was given.
//
// Threads: any, unless said otherwise.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "core/environment.h"
#include "core/failures.h"
#include "core/handle_table.h"
#include "core/module_table.h"
#include "core/monitor.h"
#include "core/name_table.h"
#include "core/scheduler.h"
#include "core/timer.h"

namespace runtime {

struct NodeOptions {
  int threads = 8;  // workers, 1..1024
  int harbor = 1;   // the node's id, 0..255
  bool profile = true;
  std::chrono::microseconds busy_wait{0};  // Scheduler::busy_wait
  std::string module_path = "./cservice/?.so";
  std::span<const Module> builtin_modules;
};

class Node {
 public:
  // `environment` outlives the node.
  Node(const NodeOptions& options, Environment& environment);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Environment& environment;
  NameTable names;
  Timer timer;
  Scheduler scheduler;
  Failures failures;

  // Starts the threads. 0, or the system's error number when it has not enough of them; the node is of no use then.
  int start();
  // Until no service is left. False: the time ran out first. Null means: however long it takes.
  bool wait(std::optional<std::chrono::milliseconds> limit = std::nullopt);
  // Until no service is left (true), or none has ended for `patience`.
  bool wait_while_ending(std::chrono::milliseconds patience);
  // Until no service is left, or abort() was called. True: no service is left.
  bool wait_for_end_or_abort();
  void stop();  // ends the threads

  // ---- services ----

  // Creates a service. Its init runs on this thread; its messages are handled from then on. 0 when
  // there is no such module or its init failed; the log says which. `args` may be null. The first
  // service is the log service.
  Handle launch(std::string_view module, const char* args);

  // Ends a service. The callback that runs now, if any, is its last. False if there is none of this
  // handle.
  bool retire(Handle handle);

  // Ends all services, the log service last, so that what they say at the end is written.
  void abort();

  // The log service: it drains its mailbox before it is released.
  Handle logger() const { return logger_.load(std::memory_order_relaxed); }

  // What the socket server does at the end of a service; all null: there are no sockets. Set before
  // the first service.
  struct SocketHooks {
    void* context = nullptr;
    // The service's instance has been released and its handle finds nobody any more.
    void (*ended)(void* context, Handle service) = nullptr;
    // Closes a connection of which the service has not heard.
    void (*close)(void* context, int id) = nullptr;
  };
  SocketHooks sockets;

  // Who is told when a service ends; 0 is nobody. As the other handles here it orders nothing: the mailbox behind it is
  // found by the handle table.
  std::atomic<Handle> exit_monitor{0};

  std::size_t service_count() const { return services_.load(std::memory_order_relaxed); }

  // The service of a handle, held: the caller must drop() it. Null if there is none.
  Service* acquire(Handle handle) const;

  // The handles of all services, ascending.
  std::vector<Handle> handles() const { return handles_.list(); }

  // ---- messages ----

  // Delivers to a service of this node. True: the message's payload has changed hands. False: there
  // is no such service, and the payload is still the caller's.
  bool deliver(Handle to, const Message& message) {
    const std::size_t bytes =
        block_bytes(message.data);  // once pushed, it may be freed at any time
    if (!deliver_given(to, message)) return false;
    give_bytes(bytes);
    return true;
  }
  // The same for a payload that is on no service's account (give_bytes).
  bool deliver_given(Handle to, const Message& message) {
    return deliver_with(to, [&](Mailbox& mailbox) { return mailbox.push(to, message); });
  }
  // The same for several at a time, at least one: all, or none.
  bool deliver_given(Handle to, std::span<const Message> messages) {
    return deliver_with(to, [&](Mailbox& mailbox) { return mailbox.push_all(to, messages); });
  }

  // For a message that nobody handles: frees or closes what it brings beside its payload, which stays the caller's. That is
  // the bytes in the event of a socket, or its connection of which nobody has heard; a published message; what was to go
  // to another node.
  void close_unhandled(const Message& message);

  // Posts an empty response of `entry.session` to the service when `delay` ticks have begun, or at
  // once if there are none.
  void respond_after(Ticks delay, TimerEntry entry);

  // Whether `handle` is another node's, and which node's it is.
  bool is_remote(Handle handle) const {
    const int harbor = static_cast<int>(handle >> kHarborShift);
    return harbor != harbor_ && harbor != 0;
  }
  // Takes the messages for other nodes; 0 while there is no harbor service.
  std::atomic<Handle> harbor_service{0};
  // A random number in each RemoteMessage, by which the harbor service knows that the pointer in it
  // is ours: anybody may send it a message of that type and size.
  const std::uint64_t remote_mark;
  int harbor() const { return harbor_; }

  // Writes one line to the log. Before there is a log service, to stderr.
  void log(Handle source, std::string_view text);

  // For a process that ends although services run: ends the log service, which writes what waits for it. Returns when
  // that is done, or when `limit` is over. Any thread, but not from within the log service.
  void end_log(std::chrono::milliseconds limit);

  // ":hex" or ".name"; 0 for anything else, and for a name that nobody has.
  Handle find(std::string_view name) const;

 private:
  // `push` gives it to a mailbox, and tells what that said.
  template <class Push>
  bool deliver_with(Handle to, Push push) {
    Mailbox* mailbox = handles_.find(to);
    if (mailbox == nullptr) return false;
    const Mailbox::Pushed pushed = push(*mailbox);
    if (pushed == Mailbox::Pushed::refused) return false;
    if (pushed == Mailbox::Pushed::must_run) scheduler.schedule(mailbox->service());
    return true;
  }
  void respond(TimerEntry entry);
  static void release(Service& service);
  static void release_instance(Service& service);
  void refuse_remaining(Service& service);
  void run_remaining(Service& service);
  void count_down();

  const int harbor_;
  HandleTable handles_;
  ModuleTable modules_;
  Monitor monitor_;
  std::atomic<Handle> logger_{0};
  std::atomic<bool> aborting_{false};
  std::atomic<std::size_t> services_{0};
  std::mutex end_mutex_;
  std::condition_variable end_;
};

}  // namespace runtime
