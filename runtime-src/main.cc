// Does what the command line asks for: most of all, reads a config, builds the node, and ends with it.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "api/attach.h"
#include "api/socket_api.h"
#include "base/allocator.h"
#include "base/c_stack.h"
#include "base/daemon.h"
#include "base/memory_reserve.h"
#include "base/stack_guard.h"
#include "base/start_thread.h"
#include "cli/check.h"
#include "cli/command_line.h"
#include "cli/known_keys.h"
#include "cli/node_config.h"
#include "cli/node_settings.h"
#include "cli/project.h"
#include "cli/tree.h"
#include "cli/version.h"
#include "core/node.h"
#include "services/builtin_services.h"
#include "skynet.h"

namespace runtime {
namespace {

// Signals become numbers in a pipe that the main thread reads: a handler may do little more than
// write.
int signal_pipe[2];

void on_signal(int number) {
  const char byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], &byte, 1);
}

void catch_signal(int number) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

// Who starts a node may have closed the standard files. What the node opens must not get their numbers, or what is
// printed goes there: a line end is a signal in the pipe of signals.
void open_standard_files() {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

// The first service. False: the reason has been printed.
bool launch_log_service(Node& node) {
  const std::string log_service = text(node.environment, "logservice", "logger");
  const Handle logger = node.launch(log_service, node.environment.get("logger"));
  if (logger == 0) {
    std::fprintf(stderr, "Can't launch %s service\n", log_service.c_str());
    return false;
  }
  node.names.add("logger", logger);
  return true;
}

// The second one, which starts the rest. False: the reason has been logged.
bool launch_bootstrap(Node& node) {
  const std::string command = text(node.environment, "bootstrap", "snlua bootstrap");
  const std::size_t space = command.find(' ');
  const std::string args = space == std::string::npos ? "" : command.substr(space + 1);
  if (node.launch(command.substr(0, space), space == std::string::npos ? nullptr : args.c_str()) !=
      0)
    return true;
  // Unless the log service has ended the node before.
  if (node.failures.reason().empty()) node.log(0, "Bootstrap error : " + command);
  return false;
}

// How long services get to end in order, then for the next of them to end at all, and what may wait there for the log.
constexpr std::chrono::milliseconds kGrace{900};
constexpr std::chrono::milliseconds kLogGrace{100};
// And files of stdio for being written, where one of them may be locked.
constexpr std::chrono::milliseconds kFlushGrace{100};
// For a node that drains: what etcd may take to hear of it, and the other nodes to close their connections.
constexpr std::chrono::milliseconds kTellEtcd{5000};

// A message of the core to the service with a name. False: there is none.
bool tell(Node& node, const char* name, std::string_view text) {
  void* data = std::malloc(text.size());
  std::memcpy(data, text.data(), text.size());
  if (node.deliver(node.names.find(name), Message::make(0, kTypeSystem, 0, data, text.size())))
    return true;
  std::free(data);
  return false;
}

// SIGTERM and SIGINT: the launcher ends the services in order; what does not end in time is ended. `drain`: what a node
// of a cluster may take before that, to answer what is under way.
void shut_down(Node& node, std::chrono::milliseconds drain) {
  if (tell(node, "launcher", "SHUTDOWN") && node.wait(drain + kGrace)) return;
  node.abort();
  node.wait_while_ending(kGrace);
}

// Bytes in the signal pipe that stand for no signal.
constexpr char kEnded = 0, kStuck = 127;

struct End {
  int signal = 0;      // that ended the node, or 0
  bool stuck = false;  // a service does not come back from its message
};

// The number of the next signal, or what stands for one. poll() comes first as in read() alone a signal would wait for the
// end of the call in a build with ThreadSanitizer, which runs no handler before, and starts it anew.
char next_signal() {
  for (;;) {
    pollfd readable{.fd = signal_pipe[0], .events = POLLIN, .revents = 0};
    char number;
    if (poll(&readable, 1, -1) == 1 && read(signal_pipe[0], &number, 1) == 1) return number;
  }
}

// Starts the node's threads, and the one that tells serve() of its end. 0, or the system's error number when it has not so
// many threads.
int start_threads(Node& node, std::thread& watcher) {
  if (const int error = node.start(); error != 0) return error;
  return start_thread(watcher, [&node] {
    // A service that calls skynet.abort() may have a neighbour that loops.
    const bool ended = node.wait_for_end_or_abort() || node.wait_while_ending(kGrace);
    on_signal(ended ? kEnded : kStuck);
  });
}

// Until the node has ended, or nothing more can be done in order.
End serve(Node& node, std::thread watcher, std::chrono::milliseconds drain) {
  End end;
  for (;;) {
    const char number = next_signal();
    if (number == kEnded) break;
    if (number == SIGHUP) {
      node.deliver(node.logger(), Message::make(0, kTypeSystem, 0, nullptr, 0));
      tell(node, "clusterd", "HANGUP");
      continue;
    }
    if (number != kStuck) {
      end.signal = number;
      std::signal(number, SIG_DFL);  // the second one ends the process at once
      shut_down(node, drain);
    }
    if (node.service_count() == 0) continue;
    end.stuck = true;
    watcher.detach();
    return end;
  }
  watcher.join();
  return end;
}

// Says why the node ends although services are left, through the log as long as that runs.
void log_stuck(Node& node) {
  std::string stuck;
  for (std::size_t i = 0; i < node.scheduler.threads(); ++i) {
    char name[16];
    const Handle handle = node.scheduler.worker(i).progress().destination;
    std::snprintf(name, sizeof(name), " :%08x", handle);
    if (handle != 0 && handle != node.logger()) stuck += name;
  }
  node.log(0, "error: the node ends although services do not come back from a message:" + stuck);
  node.end_log(kLogGrace);
}

// Writes what stdio holds. A service that does not come back may be inside a read, which has the lock of its file for as
// long as it lasts: the flush of that one, and of those behind it, is given up.
void flush_files() {
  auto done = std::make_shared<std::promise<void>>();  // the thread may outlive this function
  std::future<void> flushed = done->get_future();
  std::thread flusher;
  const int error = start_thread(flusher, [done] {
    std::fflush(stdout);
    std::fflush(nullptr);
    done->set_value();
  });
  if (error == 0) {
    flusher.detach();
    flushed.wait_for(kFlushGrace);
  } else if (ftrylockfile(stdout) == 0) {  // at least this one, unless somebody is inside
    fflush_unlocked(stdout);
    funlockfile(stdout);
  }
}

// While one of these lives a service may end the process (os.exit): what it has logged before is written, and nothing
// that the other threads use is destroyed.
class ServicesMayExit {
 public:
  explicit ServicesMayExit(Node& node) {
    node_ = &node;
    on_exit(end_process, nullptr);
  }
  ~ServicesMayExit() { node_ = nullptr; }

 private:
  static void end_process(int status, void*) {
    if (node_ == nullptr) return;  // the node's own end
    if (skynet_current_handle() != node_->logger()) node_->end_log(kGrace);
    flush_files();
    std::_Exit(status);
  }

  static inline Node* node_ = nullptr;  // what on_exit() has been given cannot be taken back
};

// The socket server's way into the node: `context` is the node.
bool post_event(void* context, Handle to, const Message& message) {
  return static_cast<Node*>(context)->deliver(to, message);
}
// An I/O thread, or a worker in its place, works for no service: what it has read is on no account.
bool post_received(void* context, Handle to, std::span<const Message> messages) {
  return static_cast<Node*>(context)->deliver_given(to, messages);
}
void log_line(void* context, std::string_view line) { static_cast<Node*>(context)->log(0, line); }
std::uint64_t now(void*) { return skynet_now(); }
void service_ended(void* context, Handle service) {
  static_cast<SocketServer*>(context)->service_ended(service);
}
void close_socket(void* context, int id) { static_cast<SocketServer*>(context)->close(id); }
void hold(void* context) { static_cast<Node*>(context)->scheduler.hold(); }
bool release(void* context) { return static_cast<Node*>(context)->scheduler.release_held(); }
void lend(void* context, EventLoop* loop) {
  static_cast<Node*>(context)->scheduler.set_event_loop(loop);
}

int run(const CommandLine& line) {
  Environment environment;
  const ConfigResult config = load_config(line.path, line.settings, environment);
  if (!config.error.empty()) {
    std::fprintf(stderr, "%s\n", config.error.c_str());
    return 1;
  }
  NodeSettings settings = read_settings(environment);
  for (const std::string& error : settings.errors) std::fprintf(stderr, "%s\n", error.c_str());
  if (!settings.errors.empty()) return 1;
  settings.node.builtin_modules = builtin_services();

  std::optional<Daemon> daemon;
  if (const char* pid_file = environment.get("daemon")) {
    if (const std::string error = daemon.emplace().start(pid_file); !error.empty()) {
      std::fprintf(stderr, "%s\n", error.c_str());
      return 1;
    }
  }
  purge_in_background();
  // What services print shall be seen at once, also through a pipe: LuaJIT's print does not flush.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  if (pipe2(signal_pipe, O_CLOEXEC) != 0) {
    std::perror("pipe2");
    return 1;
  }
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is an error of who writes it; the log loses lines.
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int number : {SIGHUP, SIGTERM, SIGINT}) catch_signal(number);

  End end;
  std::string failure;
  {
    Node node(settings.node, environment);
    api::attach(node);
    SocketServer sockets({{&node, post_event, post_received, log_line, now, hold, release, lend},
                          settings.socket_threads});
    set_socket_server(&sockets);
    node.sockets = {&sockets, service_ended, close_socket};
    node.scheduler.set_hooks({SocketServer::cork_thread,
                              SocketServer::flush_thread});  // what a turn sends leaves in one go
    if (!launch_log_service(node)) return 1;
    for (const auto& [key, value] : config.entries) {
      if (const std::string warning = key_warning(key); !warning.empty()) node.log(0, warning);
    }
    for (const std::string& word : line.ignored) {
      node.log(0, "ignored on the command line: " + word + " is no key=value");
    }
    std::thread watcher;
    if (const int error = start_threads(node, watcher); error != 0) {
      std::fprintf(stderr, "cannot start a thread (the option `thread` is %zu): %s\n",
                   node.scheduler.threads(), std::strerror(error));
      daemon.reset();
      std::_Exit(1);  // those that run use the node
    }
    const ServicesMayExit services_may_exit(node);
    const bool booted = launch_bootstrap(node);
    if (!booted) node.abort();
    const bool drains = environment.get("cluster_etcd") != nullptr;
    end = serve(node, std::move(watcher),
                drains ? settings.drain_time + kTellEtcd : std::chrono::milliseconds(0));
    const std::chrono::milliseconds flush_time = settings.flush_time;
    if (end.stuck) {
      // The threads cannot be ended, nor what they use. The services had their time, and so had what
      // is queued on sockets.
      log_stuck(node);
      sockets.wait_until_sent(flush_time > kGrace ? flush_time - kGrace : flush_time * 0);
      daemon.reset();
      flush_files();
      if (end.signal != 0) std::raise(end.signal);
      std::_Exit(1);
    }
    sockets.wait_until_sent(flush_time);
    node.stop();
    sockets.stop();
    failure = node.failures.reason();
    if (!booted && failure.empty()) return 1;
  }
  daemon.reset();  // the signal would leave the pid file behind
  if (end.signal != 0) {
    std::fflush(nullptr);
    std::raise(end.signal);
  }
  if (failure.empty()) return 0;
  // The log has it as well, but who started the node may not see that.
  if (environment.get("logger") != nullptr) std::fprintf(stderr, "%s\n", failure.c_str());
  return 1;
}

}  // namespace
}  // namespace runtime

int main(int argc, char** argv) {
  using runtime::CommandLine;
  const CommandLine line = runtime::parse_command_line(argc, argv);
  const std::string name = argc > 0 ? argv[0] : "skynet-runtime";
  switch (line.action) {
    case CommandLine::Action::help: return std::fputs(runtime::help_text(name).c_str(), stdout) < 0;
    case CommandLine::Action::version:
      return std::fputs(runtime::version_text().c_str(), stdout) < 0;
    case CommandLine::Action::run:
      runtime::open_standard_files();
      runtime::use_large_stacks();
      runtime::tell_stack_overflows();
      runtime::keep_memory_reserve();
      return runtime::run(line);
    case CommandLine::Action::check: return runtime::check_config(line.path, line.settings);
    case CommandLine::Action::create:
      return runtime::create_project(line.path, runtime::executable());
    case CommandLine::Action::refuse: break;
  }
  std::fprintf(stderr, "%s\n%s\n", line.error.c_str(), runtime::usage_line(name).c_str());
  return 1;
}
