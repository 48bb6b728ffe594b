// skynet_command: the text commands of services.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "api/attach.h"
#include "base/clock.h"
#include "core/message_log.h"
#include "skynet.h"

namespace runtime::api {

namespace {

using Result = const char*;

// Keeps `text` until the service's next command.
Result keep(Service& service, std::string text) {
  service.command_result() = std::move(text);
  return service.command_result().c_str();
}

// ":hex" or ".name"; 0, with a line in the log, for anything else.
Handle to_handle(Service& service, std::string_view text) {
  if (text.empty() || (text[0] != ':' && text[0] != '.')) {
    service.node().log(service.handle(), fmt::format("error: Can't convert {} to handle", text));
    return 0;
  }
  return service.node().find(text);
}

Result timeout(Service& service, const char* text) {
  const int session = service.new_session();
  const long ticks = std::strtol(text, nullptr, 10);
  service.node().respond_after(Ticks(ticks), {service.handle(), session});
  return keep(service, std::to_string(session));
}

Result register_name(Service& service, const char* text) {
  if (*text == '\0') return keep(service, fmt::format(":{:x}", service.handle()));
  if (*text != '.') {
    service.node().log(service.handle(),
                       fmt::format("error: Can't register global name {} in C", text));
    return nullptr;
  }
  if (!service.node().names.add(text + 1, service.handle())) return nullptr;
  return keep(service, text + 1);
}

Result query(Service& service, const char* text) {
  if (*text != '.') return nullptr;
  const Handle handle = service.node().find(text);
  return handle == 0 ? nullptr : keep(service, fmt::format(":{:x}", handle));
}

Result name(Service& service, const char* text) {
  const std::string_view all = text;
  const std::size_t space = std::min(all.find(' '), all.size());
  const std::string_view name = all.substr(0, space);
  const std::string_view target =
      all.substr(std::min(all.find_first_not_of(' ', space), all.size()));
  if (target.empty() || target[0] != ':') return nullptr;
  const Handle handle = service.node().find(target);
  if (handle == 0) return nullptr;
  if (name.empty() || name[0] != '.') {
    service.node().log(service.handle(), fmt::format("error: Can't set global name {} in C", name));
    return nullptr;
  }
  if (!service.node().names.add(name.substr(1), handle)) return nullptr;
  return keep(service, std::string(name.substr(1)));
}

bool end_service(Service& service, Handle handle, std::string_view line) {
  Node& node = service.node();
  node.log(service.handle(), line);
  if (!node.retire(handle)) return false;
  if (const Handle monitor = node.exit_monitor.load()) {
    node.deliver(monitor, Message::make(handle, kTypeClient, 0, nullptr, 0));
  }
  return true;
}

Result exit(Service& service, const char*) {
  end_service(service, service.handle(), "KILL self");
  return nullptr;
}

Result kill(Service& service, const char* text) {
  const Handle handle = to_handle(service, text);
  if (handle == 0 || !end_service(service, handle, fmt::format("KILL :{:x}", handle)))
    return nullptr;
  // Who was killed while it started cannot tell any more that it has failed; its creator waits.
  Node& node = service.node();
  if (const Handle launcher = node.names.find("launcher")) {
    skynet_send(service.context(), handle, launcher, kTypeText, 0, const_cast<char*>("ERROR"), 5);
  }
  return nullptr;
}

// "MODULE ARGS": split at the first blank; a line ends the arguments.
Result launch(Service& service, const char* text) {
  const std::string_view all = text;
  const std::size_t from = std::min(all.find_first_not_of(" \t\r\n"), all.size());
  const std::size_t end = std::min(all.find_first_of(" \t\r\n", from), all.size());
  const std::string module(all.substr(from, end - from));
  std::string args;
  if (end < all.size()) {
    args = all.substr(end + 1);
    args.resize(std::min(args.find_first_of("\r\n"), args.size()));
  }
  const Handle handle = service.node().launch(module, end < all.size() ? args.c_str() : nullptr);
  return handle == 0 ? nullptr : keep(service, fmt::format(":{:08X}", handle));
}

Result get_environment(Service& service, const char* text) {
  return service.node().environment.get(text);
}

Result set_environment(Service& service, const char* text) {
  if (const char* space = std::strchr(text, ' ')) {
    service.node().environment.set(std::string(text, space), space + 1);
  }
  return nullptr;
}

Result start_time(Service& service, const char*) {
  return keep(service, std::to_string(service.node().timer.start_seconds()));
}

Result abort(Service& service, const char*) {
  service.node().abort();
  return nullptr;
}

// ":hex" of a service that could not start: the reason, as one line.
Result start_error(Service& service, const char* text) {
  const std::string why = service.node().failures.why(service.node().find(text));
  return why.empty() ? nullptr : keep(service, why);
}

// The node's exit status says that it failed, and `text` why. What ends it is up to the caller.
Result fail(Service& service, const char* text) {
  service.node().failures.end_node(text);
  return nullptr;
}

Result monitor(Service& service, const char* text) {
  if (*text == '\0') {
    const Handle handle = service.node().exit_monitor.load();
    return handle == 0 ? nullptr : keep(service, fmt::format(":{:x}", handle));
  }
  if (const Handle handle = to_handle(service, text)) service.node().exit_monitor.store(handle);
  return nullptr;
}

Result stat(Service& service, const char* text) {
  const std::string_view what = text;
  if (what == "mqlen") return keep(service, std::to_string(service.mailbox().size()));
  if (what == "endless") return keep(service, service.take_endless() ? "1" : "0");
  if (what == "cpu") return keep(service, fmt::format("{:f}", service.statistics().cpu_seconds));
  if (what == "message") return keep(service, std::to_string(service.statistics().messages));
  if (what == "time") {
    const Worker* worker = Worker::current();
    if (worker == nullptr || !service.node().scheduler.profile) return keep(service, "0");
    return keep(service, fmt::format("{:f}", static_cast<double>(worker->cycles_in_turn()) *
                                                 ns_per_cycle() / 1e9));
  }
  return keep(service, "");
}

Result log_on(Service& service, const char* text) {
  Node& node = service.node();
  const Handle handle = to_handle(service, text);
  const char* folder = node.environment.get("logpath");
  if (handle == 0 || folder == nullptr) return nullptr;
  Service* target = node.acquire(handle);
  if (target == nullptr) return nullptr;
  if (!target->logs_messages()) {
    const std::string path = message_log_path(folder, handle);
    if (std::FILE* file = open_message_log(path, node.timer.now())) {
      node.log(service.handle(), fmt::format("Open log file {}", path));
      if (std::FILE* other = target->exchange_log_file(file)) std::fclose(other);
    } else {
      node.log(service.handle(), fmt::format("Open log file {} fail", path));
    }
  }
  target->drop();
  return nullptr;
}

Result log_off(Service& service, const char* text) {
  Node& node = service.node();
  const Handle handle = to_handle(service, text);
  Service* target = handle == 0 ? nullptr : node.acquire(handle);
  if (target == nullptr) return nullptr;
  if (std::FILE* file = target->exchange_log_file(nullptr)) {
    node.log(service.handle(), fmt::format("Close log file :{:08x}", handle));
    close_message_log(file, node.timer.now());
  }
  target->drop();
  return nullptr;
}

Result signal(Service& service, const char* text) {
  const std::string_view all = text;
  const std::size_t space = std::min(all.find(' '), all.size());
  const Handle handle = to_handle(service, all.substr(0, space));
  Service* target = handle == 0 ? nullptr : service.node().acquire(handle);
  if (target == nullptr) return nullptr;
  target->signal(space == all.size() ? 0 : static_cast<int>(std::strtol(text + space, nullptr, 0)));
  target->drop();
  return nullptr;
}

// The module of a service of this node, as LAUNCH had it: tells Lua services from others.
Result module_name(Service& service, const char* text) {
  const Handle handle = to_handle(service, text);
  Service* target = handle == 0 ? nullptr : service.node().acquire(handle);
  if (target == nullptr) return nullptr;
  const Result name = keep(service, target->module().name);
  target->drop();
  return name;
}

struct Command {
  std::string_view name;
  Result (*run)(Service& service, const char* text);
};

// In the order of how often they are asked for.
constexpr Command kCommands[] = {
    {"TIMEOUT", timeout},
    {"STAT", stat},
    {"LAUNCH", launch},
    {"GETENV", get_environment},
    {"EXIT", exit},
    {"KILL", kill},
    {"QUERY", query},
    {"REG", register_name},
    {"NAME", name},
    {"SETENV", set_environment},
    {"STARTTIME", start_time},
    {"ABORT", abort},
    {"MONITOR", monitor},
    {"LOGON", log_on},
    {"LOGOFF", log_off},
    {"SIGNAL", signal},
    {"MODULE", module_name},
    {"STARTERROR", start_error},
    {"FAIL", fail},
};

}  // namespace
}  // namespace runtime::api

extern "C" const char* skynet_command(skynet_context* context, const char* command,
                                      const char* parameter) {
  for (const auto& known : runtime::api::kCommands) {
    if (known.name == command)
      return known.run(runtime::Service::from(context), parameter ? parameter : "");
  }
  return nullptr;
}
