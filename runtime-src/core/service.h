// One service: a mailbox, and a module instance whose callback handles the messages.
//
// Life: Node::launch() creates it; it is retired (by itself, by others or by the node's end), which
//       closes the mailbox; the worker that has it, or is given it for this, then releases the
//       instance and deletes it.
// Threads: the worker that runs the service, unless a member says otherwise. At most one at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

#include "base/memory_ledger.h"
#include "core/mailbox.h"
#include "core/module_table.h"

namespace runtime {

class Node;
class Turn;

class Service {
 public:
  // Handles messages as long as turn.next() gives any. For services that can do more with several
  // messages than with one at a time (Lua services enter their state once a turn).
  using Drain = void (*)(Service& service, void* userdata, Turn& turn);
  // Sees a message before whatever else handles the service's messages: runtime_filter of
  // skynet_server.h. 1: it has taken the message, and its payload.
  using Filter = int (*)(skynet_context* context, void* userdata, int type, int session,
                         std::uint32_t source, void* message, std::size_t size);

  Service(Node& node, const Module& module) : node_(node), module_(module) {}
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // skynet_context is this class under its public name.
  skynet_context* context() { return reinterpret_cast<skynet_context*>(this); }
  static Service& from(skynet_context* context) { return *reinterpret_cast<Service*>(context); }

  Node& node() const { return node_; }
  Handle handle() const { return handle_; }         // any thread
  const Module& module() const { return module_; }  // any thread
  Mailbox& mailbox() const { return *mailbox_; }

  void set_callback(skynet_cb callback, void* userdata);
  void set_drain(Drain drain, void* userdata);
  // Null ends it.
  void set_filter(Filter filter, void* userdata);

  // 1, 2, ... 0x7fffffff, 1, ...
  std::int32_t new_session();

  // Whether the service has been retired: it must not be given another message. Its mailbox is
  // closed then. Any thread.
  bool retired() const { return retired_.load(std::memory_order_acquire); }
  void set_retired() { retired_.store(true, std::memory_order_release); }  // for Mailbox::close()

  // ---- what the service and its tools ask about ----
  struct Statistics {
    std::uint64_t messages = 0;
    double cpu_seconds = 0;
  };
  Statistics statistics() const;
  void add_cycles(std::uint64_t cycles) {  // of CPU time, by the worker that runs the service
    cycles_.store(cycles_.load(std::memory_order_relaxed) + cycles, std::memory_order_relaxed);
  }
  void set_endless() { endless_.store(true, std::memory_order_relaxed); }  // any thread
  bool take_endless() { return endless_.exchange(false, std::memory_order_relaxed); }

  // Starts or ends the message log of this service; a null file ends it. Any thread. Gives the
  // previous file.
  std::FILE* exchange_log_file(std::FILE* file);
  bool logs_messages() const {
    return (observers_.load(std::memory_order_relaxed) & kLogsMessages) != 0;
  }

  // Calls the module's signal function, unless the instance has gone. Any thread.
  void signal(int signal);

  // Keeps this object, not its instance, alive until drop(). Any thread that knows the service to
  // be alive; others go through Mailbox::acquire().
  void hold() { holders_.fetch_add(1, std::memory_order_relaxed); }
  void drop() {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // What the service holds of malloc's memory, its Lua heap apart.
  MemoryLedger memory{sizeof(Service) + sizeof(Mailbox)};

  // The memory behind skynet_command's results: valid until the next command.
  std::string& command_result() { return command_result_; }

 private:
  friend class Node;
  friend class Scheduler;
  friend class Turn;

  // Messages in the mailbox that are worth a warning.
  static constexpr std::size_t kOverload = 1024;

  // Who wants to see each message: one word, so that the path of a message asks once.
  static constexpr unsigned kLogsMessages = 1;  // log_file_ is set
  static constexpr unsigned kFilters = 2;       // filter_ is set

  ~Service();
  void run(Turn& turn);
  // Gives the message to the callback, and frees what that does not keep.
  void call_back(Message& message);
  void log_message(const Message& message);
  // Shows the message to those who asked for it. True: the filter has taken it.
  bool observe(const Message& message);

  // What each message needs comes first, after `memory`, on few cache lines.
  // What a message that comes alone needs is one line of the caches, with `memory`.
  Handle handle_ = 0;
  // Orders nothing: log_mutex_ guards what one bit stands for, and filter_ is the worker's own.
  std::atomic<unsigned> observers_{0};
  Drain drain_ = nullptr;
  void* userdata_ = nullptr;
  // Set last of what Mailbox::close() does. The release pairs with the acquire in retired(): who sees it may use the
  // mailbox again.
  std::atomic<bool> retired_{false};
  std::atomic<bool> endless_{false};
  bool has_instance_ = false;  // guarded by instance_mutex_
  bool is_released_ =
      false;  // the same; has_instance_ goes before the release, this comes after it
  std::uint32_t overload_at_ = 1;           // times kOverload messages
  std::atomic<std::uint64_t> messages_{0};  // written by the worker only
  std::atomic<std::uint64_t> cycles_{0};    // written by the worker only

  Node& node_;
  Mailbox* mailbox_ = nullptr;
  std::int32_t session_ = 0;
  // Each release in drop() pairs with the acquire of the last one, which deletes.
  std::atomic<int> holders_{1};

  const Module& module_;
  bool handles_rest_ = false;  // although it was retired
  skynet_cb callback_ = nullptr;
  std::mutex instance_mutex_;  // between signal() and the release of the instance
  void* instance_ = nullptr;   // guarded by instance_mutex_ once launched
  std::mutex log_mutex_;
  std::FILE* log_file_ = nullptr;  // guarded by log_mutex_
  Filter filter_ = nullptr;
  void* filter_userdata_ = nullptr;
  std::string command_result_;
};

}  // namespace runtime
