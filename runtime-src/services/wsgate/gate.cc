#include "services/wsgate/gate.h"

#include <fmt/format.h>
#include <libwebsockets.h>

#include <cstring>
#include <utility>

#include "services/words.h"
#include "services/wsgate/listener.h"
#include "skynet_server.h"

namespace runtime::wsgate {

namespace {

// Which connection a message to a peer is for: its session; or, when that is 0, these bytes behind
// it, the lowest first, as for the C gate.
constexpr std::size_t kIdBytes = 4;

// The id of a connection, taken off the front of `text`; 0, which no connection has, for what is no
// number.
int take_id(std::string_view* text) {
  int id = 0;
  read_number(take_word(text), 10, &id);
  return id;
}

int size_of(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

Gate::~Gate() {
  for (const std::unique_ptr<GateThread>& thread : threads_) thread->stop();
}

bool Gate::init(skynet_context* context, std::string_view launch_string) {
  context_ = context;
  const std::string error = parse_options(launch_string, &options_);
  if (!error.empty()) return fail(error);
  if (!find_watchdog()) return fail("Invalid watchdog " + options_.watchdog);
  if (options_.is_secure) complete_certificate();
  addresses_.gate = skynet_context_handle(context);
  addresses_.package_type = options_.tag != 0 ? options_.tag : PTYPE_CLIENT;
  skynet_callback(context, this, on_message);
  return start_threads();
}

bool Gate::fail(const std::string& reason) {
  skynet_error(context_, "[wsgate] %s", reason.c_str());
  return false;
}

bool Gate::find_watchdog() {
  if (options_.watchdog.empty()) return true;
  addresses_.watchdog = skynet_queryname(context_, options_.watchdog.c_str());
  return addresses_.watchdog != 0;
}

// What the launch string leaves open the config says, as for the protocol wss of http.websocket.
void Gate::complete_certificate() {
  const auto complete = [this](std::string& file, const char* key, const char* otherwise) {
    if (!file.empty()) return;
    const char* configured = skynet_command(context_, "GETENV", key);
    file = configured != nullptr ? configured : otherwise;
  };
  complete(options_.certificate, "certfile", "./server-cert.pem");
  complete(options_.private_key, "keyfile", "./server-key.pem");
}

bool Gate::start_threads() {
  // For the process: libwebsockets has one log. What it calls an error is worth a line.
  lws_set_log_level(LLL_ERR, [](int, const char* line) {
    const std::string_view text(line);
    const std::size_t end = text.find_last_not_of('\n') + 1;
    skynet_error(nullptr, "[wsgate] libwebsockets: %.*s", static_cast<int>(end), line);
  });
  std::vector<GateThread*> all;
  for (int i = 0; i < options_.threads; ++i) {
    threads_.push_back(std::make_unique<GateThread>(shared_, i, options_.threads));
    const std::string error = threads_.back()->prepare();
    if (!error.empty()) return fail(error);
    all.push_back(threads_.back().get());
  }
  const Listener listener = open_listener(options_.host, options_.port);
  const bool listens = listener.fd >= 0 && threads_.front()->listen(listener.fd, all);
  if (!listens) {
    return fail(fmt::format("Listen error: {}:{}: {}",
                            options_.host.empty() ? "0.0.0.0" : options_.host, options_.port,
                            listener.fd < 0 ? listener.error : "libwebsockets refuses the socket"));
  }
  Outbox(addresses_).tell_watchdog(0, "listen " + listener.address);
  for (GateThread* thread : all) {
    const int error = thread->start();
    if (error != 0) return fail(fmt::format("cannot start a thread: {}", std::strerror(error)));
  }
  return true;
}

// ---- messages -----------------------------------------------------------------------------------

int Gate::on_message(skynet_context* context, void* self, int type, int session,
                     std::uint32_t source, const void* message, std::size_t size) {
  Gate& gate = *static_cast<Gate*>(self);
  const std::string_view bytes(static_cast<const char*>(message), message != nullptr ? size : 0);
  switch (type) {
    case PTYPE_TEXT: gate.run_command(bytes); break;
    case PTYPE_CLIENT:
      gate.send_to_peer(session, source, Block(static_cast<char*>(const_cast<void*>(message))),
                        bytes.size());
      return 1;
    case PTYPE_SYSTEM:  // Outbox::log()
      if (source == skynet_context_handle(context)) {
        skynet_error(context, "[wsgate] %.*s", size_of(bytes), bytes.data());
      }
      break;
    default: break;
  }
  return 0;
}

void Gate::run_command(std::string_view line) {
  std::string_view rest = line;
  const std::string_view name = take_word(&rest);
  if (name == "start") {
    dispatch({.kind = Command::Kind::start, .id = take_id(&rest)});
  } else if (name == "kick") {
    dispatch({.kind = Command::Kind::kick, .id = take_id(&rest)});
  } else if (name == "forward") {
    forward(rest);
  } else if (name == "broker") {
    const std::string broker(take_word(&rest));
    addresses_.broker = skynet_queryname(context_, broker.c_str());
  } else if (name == "close") {
    threads_.front()->post({.kind = Command::Kind::stop_listening});
  } else {
    skynet_error(context_, "[wsgate] Unknown command : %.*s", size_of(line), line.data());
  }
}

// <id> :<agent> :<client>
void Gate::forward(std::string_view arguments) {
  std::string_view rest = arguments;
  Command command{.kind = Command::Kind::forward};
  command.id = take_id(&rest);
  if (!read_handle(take_word(&rest), &command.agent) ||
      !read_handle(take_word(&rest), &command.client)) {
    skynet_error(context_, "[wsgate] Invalid forward command :%.*s", size_of(arguments),
                 arguments.data());
    return;
  }
  if (command.agent != 0 && skynet_isremote(context_, command.agent, nullptr) != 0) {
    skynet_error(context_, "[wsgate] The agent :%x is on another node", command.agent);
    return;
  }
  dispatch(std::move(command));
}

void Gate::send_to_peer(int id, std::uint32_t source, Block message, std::size_t size) {
  const std::size_t id_bytes = id == 0 ? kIdBytes : 0;
  if (size <= id_bytes) {
    skynet_error(context_, "[wsgate] Invalid client message from %x", source);
    return;
  }
  size -= id_bytes;
  for (std::size_t i = id_bytes; i-- > 0;)
    id = id << 8 | static_cast<unsigned char>(message.get()[size + i]);
  dispatch({.kind = Command::Kind::write,
            .id = id,
            .data = std::move(message),
            .size = size,
            .source = source});
}

void Gate::dispatch(Command command) {
  // GateThread: ids of the thread `index` are index + 1, and then every threads_.size()-th.
  const std::size_t index = (static_cast<unsigned>(command.id) - 1) % threads_.size();
  threads_[index]->post(std::move(command));
}

}  // namespace runtime::wsgate
