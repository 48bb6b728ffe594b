#include "core/node.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <thread>

#include "base/check.h"
#include "base/memory_reserve.h"
#include "core/multicast_package.h"
#include "core/remote_message.h"
#include "core/socket_message.h"
#include "core/turn.h"

namespace runtime {

namespace {

std::uint64_t random_number() {
  std::uint64_t number;
  RUNTIME_CHECK(getentropy(&number, sizeof(number)) == 0, "the system has no random numbers");
  return number;
}

}  // namespace

Node::Node(const NodeOptions& options, Environment& environment)
    : environment(environment),
      timer([this](std::span<const TimerEntry> due) {
        scheduler.hold();
        for (const TimerEntry& entry : due) respond(entry);
        scheduler.release_held();
      }),
      scheduler(options.threads, release),
      remote_mark(random_number()),
      harbor_(options.harbor),
      handles_(options.harbor),
      modules_(options.module_path, options.builtin_modules),
      monitor_(scheduler, [this](const WorkerProgress& progress) {
        if (Service* service = acquire(progress.destination)) {
          service->set_endless();
          service->drop();
        }
        log(0, fmt::format("error: A message from [ :{:08x} ] to [ :{:08x} ] maybe in an endless "
                           "loop (version = {})",
                           progress.source, progress.destination, progress.version));
      }) {
  scheduler.profile = options.profile;
  scheduler.busy_wait = options.busy_wait;
}

Node::~Node() { stop(); }

int Node::start() {
  int error = timer.start();
  if (error == 0) error = monitor_.start();
  if (error == 0) error = scheduler.start();
  return error;
}

void Node::stop() {
  monitor_.stop();
  timer.stop();
  scheduler.stop();
}

bool Node::wait(std::optional<std::chrono::milliseconds> limit) {
  std::unique_lock lock(end_mutex_);
  const auto ended = [this] { return services_.load() == 0; };
  if (limit) return end_.wait_for(lock, *limit, ended);
  end_.wait(lock, ended);
  return true;
}

bool Node::wait_while_ending(std::chrono::milliseconds patience) {
  std::size_t before;
  do {
    before = services_.load();
    if (wait(patience)) return true;
  } while (services_.load() < before);
  return false;
}

bool Node::wait_for_end_or_abort() {
  std::unique_lock lock(end_mutex_);
  end_.wait(lock, [this] { return services_.load() == 0 || aborting_.load(); });
  return services_.load() == 0;
}

void Node::count_down() {
  const std::size_t left = services_.fetch_sub(1) - 1;
  if (left == 0) {
    std::lock_guard lock(end_mutex_);
    end_.notify_all();
  } else if (left == 1 && aborting_.load()) {
    retire(logger());
  }
}

// ---- services -----------------------------------------------------------------------------------

Handle Node::launch(std::string_view module_name, const char* args) {
  std::string error;
  const Module* module = modules_.find(module_name, &error);
  if (module == nullptr) {
    std::fprintf(stderr, "try open %.*s failed : %s\n", static_cast<int>(module_name.size()),
                 module_name.data(), error.c_str());
    return 0;
  }
  void* instance = reinterpret_cast<void*>(~std::uintptr_t{0});
  if (module->create != nullptr && (instance = module->create()) == nullptr) return 0;

  auto* service = new Service(*this, *module);
  service->instance_ = instance;
  service->has_instance_ = true;
  service->hold();  // for this function: init may end the service
  services_.fetch_add(1);
  if (aborting_.load() || !handles_.add(service, &service->handle_, &service->mailbox_)) {
    if (module->release != nullptr) module->release(instance);
    service->drop();
    service->drop();
    count_down();
    return 0;
  }

  const Handle handle = service->handle_;
  Handle nobody = 0;
  const bool is_logger = logger_.compare_exchange_strong(nobody, handle);
  const bool failed = module->init(instance, service->context(), args) != 0;
  if (failed) {
    if (is_logger) logger_.store(0);
    log(handle, fmt::format("error: launch {} FAILED", module_name));
    // Somebody else may be about to close the mailbox.
    if (!retire(handle)) {
      while (!service->retired()) std::this_thread::yield();
    }
  } else {
    // The log service does not log its own launch, as in skynet.
    if (!is_logger) log(handle, fmt::format("LAUNCH {} {}", module_name, args ? args : ""));
    // abort() may have gone through the handles before this one was there.
    if (aborting_.load() && !is_logger) retire(handle);
  }
  // The mailbox was opened as running, so the service is ours: to hand over, or to end.
  if (failed) {
    release(*service);
  } else {
    scheduler.schedule(service);
  }
  service->drop();
  return failed ? 0 : handle;
}

bool Node::retire(Handle handle) {
  Service* service = acquire(handle);
  if (service == nullptr) return false;
  Mailbox* mailbox = handles_.remove(handle);
  if (mailbox == nullptr) {
    service->drop();
    return false;
  }
  names.remove_all(handle);
  if (mailbox->close()) scheduler.schedule(service);
  service->drop();
  return true;
}

void Node::abort() {
  failures.settle();
  {
    const std::lock_guard lock(end_mutex_);
    aborting_.store(true);
    end_.notify_all();
  }
  const Handle log_service = logger();
  for (const Handle handle : handles_.list()) {
    if (handle != log_service) retire(handle);
  }
  if (services_.load() == 1) retire(log_service);
}

Service* Node::acquire(Handle handle) const {
  Mailbox* mailbox = handles_.find(handle);
  return mailbox == nullptr ? nullptr : mailbox->acquire(handle);
}

// By whoever has the service: a worker (Scheduler::Release), or the thread whose launch has failed.
void Node::release(Service& service) {
  Node& node = service.node();
  const Handle handle = service.handle();
  if (handle == node.logger()) node.run_remaining(service);
  release_instance(service);
  node.refuse_remaining(service);
  node.handles_.recycle(service.mailbox_);
  service.mailbox_ = nullptr;
  service.drop();
  if (node.sockets.ended != nullptr) node.sockets.ended(node.sockets.context, handle);
  node.count_down();
}

void Node::release_instance(Service& service) {
  {
    std::lock_guard lock(service.instance_mutex_);
    service.has_instance_ = false;
  }
  if (service.module().release != nullptr) service.module().release(service.instance_);
  std::lock_guard lock(service.instance_mutex_);
  service.is_released_ = true;
}

// What waits for the log service at its end.
void Node::run_remaining(Service& service) {
  constexpr std::uint64_t kForEver = std::numeric_limits<std::uint64_t>::max() / 2;
  if (Worker* const worker = Worker::current(); worker != nullptr && service.drain_ != nullptr) {
    service.handles_rest_ = true;
    while (service.mailbox().size() != 0) {
      Turn turn(*worker, service, kForEver);
      service.run(turn);
    }
    return;
  }
  Message message;
  for (std::size_t batch; service.mailbox().pop(&message, &batch);) service.call_back(message);
}

void Node::close_unhandled(const Message& message) {
  if (const skynet_socket_message* event = socket_event(message)) {
    std::free(event->buffer);
    if (event->type == SKYNET_SOCKET_TYPE_ACCEPT && sockets.close != nullptr) {
      sockets.close(sockets.context, event->ud);
    }
  }
  close_published(message);
  if (message.type() == kTypeSystem) {
    const RemoteMessage* remote = remote_message(message.data, message.size(), remote_mark);
    if (remote != nullptr) std::free(remote->data);
  }
}

// Nobody is to wait for an answer from a service that has gone.
void Node::refuse_remaining(Service& service) {
  Message message;
  for (std::size_t batch; service.mailbox().pop(&message, &batch);) {
    close_unhandled(message);
    message.free_payload();
    // The session of a published message is its channel: nobody waits for an answer.
    if (message.source == 0 || message.type() == kTypeError || message.type() == kTypeResponse ||
        message.type() == kTypeMulticast)
      continue;
    deliver(message.source,
            Message::make(service.handle(), kTypeError, message.session, nullptr, 0));
  }
}

// ---- messages -----------------------------------------------------------------------------------

void Node::respond(TimerEntry entry) {
  deliver(entry.handle, Message::make(0, kTypeResponse, entry.session, nullptr, 0));
}

void Node::respond_after(Ticks delay, TimerEntry entry) {
  if (delay.count() > 0) {
    timer.add(delay, entry);
  } else {
    respond(entry);
  }
}

void Node::log(Handle source, std::string_view text) {
  if (logger() != 0) {
    void* data = needed([&] { return std::malloc(text.size() + 1); });
    std::memcpy(data, text.data(), text.size());
    static_cast<char*>(data)[text.size()] = '\0';
    if (deliver(logger(), Message::make(source, kTypeText, 0, data, text.size()))) return;
    std::free(data);
  }
  std::fprintf(stderr, "[:%08x] %.*s\n", source, static_cast<int>(text.size()), text.data());
}

void Node::end_log(std::chrono::milliseconds limit) {
  Service* const log_service = acquire(logger());
  if (log_service == nullptr) return;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const auto released = [log_service] {
    const std::lock_guard lock(log_service->instance_mutex_);
    return log_service->is_released_;
  };
  if (scheduler.is_only_worker()) {
    run_remaining(*log_service);  // nobody else will
    release_instance(*log_service);
  } else if (retire(log_service->handle())) {
    while (!released() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  log_service->drop();
}

Handle Node::find(std::string_view name) const {
  if (name.empty()) return 0;
  if (name[0] == '.') return names.find(name.substr(1));
  if (name[0] == ':')
    return static_cast<Handle>(std::strtoul(std::string(name.substr(1)).c_str(), nullptr, 16));
  return 0;
}

}  // namespace runtime
