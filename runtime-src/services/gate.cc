#include "services/gate.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/socket_message.h"
#include "net/receive_buffer.h"
#include "services/words.h"

namespace runtime {
namespace {

constexpr int kBacklog = 128;
constexpr std::size_t kMaxPackage = 16 * 1024 * 1024;  // and this itself is too much
constexpr std::size_t kClientIdBytes = 4;              // behind the bytes of a client message

struct Connection {
  std::string address;
  std::uint32_t agent = 0;
  std::uint32_t client = 0;
  bool kicked = false;
  ReceiveBuffer received;
};

class Gate {
 public:
  ~Gate();

  bool init(skynet_context* context, const char* args);

 private:
  static int on_message(skynet_context* context, void* self, int type, int session,
                        std::uint32_t source, const void* message, std::size_t size);
  void on_command(std::string_view text);
  void on_event(const skynet_socket_message& event, std::string_view text);
  bool on_client(std::uint32_t source, const char* message, std::size_t size);

  bool listen(const std::string& address);
  void forward(std::string_view args, std::string_view command);
  void accept(int id, std::string_view address);
  void receive(int id, char* block, std::size_t size);
  bool split(int id, Connection& connection);
  void deliver(int id, const Connection& connection, std::string_view package);
  void end(int id);
  void report(int session, const std::string& text);
  Connection* find(int id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second;
  }

  skynet_context* context_ = nullptr;
  std::size_t length_bytes_ = 2;  // in front of each package, big-endian
  std::uint32_t watchdog_ = 0;
  std::uint32_t broker_ = 0;
  int tag_ = PTYPE_CLIENT;
  std::size_t max_ = 0;
  int send_limit_ = 0;  // bytes that may wait for a connection; 0: any number
  int listen_id_ = -1;
  std::unordered_map<int, Connection> connections_;
};

Gate::~Gate() {
  if (listen_id_ >= 0) skynet_socket_close(context_, listen_id_);
  for (const auto& [id, connection] : connections_) skynet_socket_close(context_, id);
}

bool Gate::init(skynet_context* context, const char* args) {
  context_ = context;
  std::string_view rest = args == nullptr ? "" : args;
  const std::string_view style = take_word(&rest);
  const std::string watchdog(take_word(&rest));
  const std::string address(take_word(&rest));
  int tag = 0, max = 0;
  if (style.size() != 1 || !read_number(take_word(&rest), 10, &tag)) {
    skynet_error(context, "Invalid gate parm %s", args == nullptr ? "" : args);
    return false;
  }
  if (!read_number(take_word(&rest), 10, &max) || max <= 0) {
    skynet_error(context, "Need max connection");
    return false;
  }
  const std::string_view limit = take_word(&rest);
  if (!limit.empty() && (!limit.starts_with("sendlimit=") ||
                         !read_number(limit.substr(10), 10, &send_limit_) || send_limit_ < 0)) {
    skynet_error(context, "gate: Invalid option %.*s", static_cast<int>(limit.size()),
                 limit.data());
    return false;
  }
  if (style != "S" && style != "L") {
    skynet_error(context, "Invalid data header style");
    return false;
  }
  if (watchdog != "!") {
    watchdog_ = skynet_queryname(context, watchdog.c_str());
    if (watchdog_ == 0) {
      skynet_error(context, "Invalid watchdog %s", watchdog.c_str());
      return false;
    }
  }
  length_bytes_ = style == "S" ? 2 : 4;
  tag_ = tag == 0 ? PTYPE_CLIENT : tag;
  max_ = static_cast<std::size_t>(max);
  skynet_callback(context, this, on_message);
  return listen(address);
}

bool Gate::listen(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = colon == address.npos ? "" : address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  int port = 0;
  const std::string_view digits =
      std::string_view(address).substr(colon + 1);  // all, without a colon
  if (!read_number(digits, 10, &port) || port <= 0 || port > 65535) {
    skynet_error(context_, "Invalid gate address %s", address.c_str());
    return false;
  }
  listen_id_ = skynet_socket_listen(context_, host.c_str(), port, kBacklog);
  if (listen_id_ < 0) {
    skynet_error(context_, "gate: cannot listen on %s", address.c_str());
    return false;
  }
  skynet_socket_start(context_, listen_id_);
  return true;
}

int Gate::on_message(skynet_context*, void* self, int type, int session, std::uint32_t source,
                     const void* message, std::size_t size) {
  Gate& gate = *static_cast<Gate*>(self);
  const auto* bytes = static_cast<const char*>(message);
  switch (type) {
    case PTYPE_TEXT: gate.on_command({bytes, size}); break;
    case PTYPE_CLIENT: return gate.on_client(source, bytes, size) ? 1 : 0;
    case PTYPE_SOCKET: {
      const Message whole = Message::make(source, type, session, const_cast<void*>(message), size);
      if (const skynet_socket_message* event = socket_event(whole)) {
        gate.on_event(*event, {bytes + sizeof(*event), size - sizeof(*event)});
      }
      break;
    }
  }
  return 0;
}

// ---- commands ----------------------------------------------------------------------------------

void Gate::on_command(std::string_view text) {
  std::string_view args = text;
  const std::string_view command = take_word(&args);
  int id = 0;
  if (command == "start" || command == "kick") {
    if (!read_number(take_word(&args), 10, &id)) return;
    Connection* connection = find(id);
    if (connection == nullptr) return;
    if (command == "start") {
      skynet_socket_start(context_, id);
    } else {
      connection->kicked = true;
      skynet_socket_close(context_, id);
    }
  } else if (command == "forward") {
    forward(args, text);
  } else if (command == "broker") {
    broker_ = skynet_queryname(context_, std::string(take_word(&args)).c_str());
  } else if (command == "close") {
    if (listen_id_ >= 0) skynet_socket_close(context_, listen_id_);
    listen_id_ = -1;
  } else {
    skynet_error(context_, "[gate] Unknown command : %.*s", static_cast<int>(text.size()),
                 text.data());
  }
}

// forward ID :AGENT :CLIENT
void Gate::forward(std::string_view args, std::string_view command) {
  int id = 0;
  std::uint32_t agent = 0, client = 0;
  if (!read_number(take_word(&args), 10, &id) || !read_handle(take_word(&args), &agent) ||
      !read_handle(take_word(&args), &client)) {
    skynet_error(context_, "[gate] Invalid command : %.*s", static_cast<int>(command.size()),
                 command.data());
    return;
  }
  if (Connection* connection = find(id)) {
    connection->agent = agent;
    connection->client = client;
  }
}

// Bytes for a connection, and its id, low byte first. True: the message has passed on to the
// socket.
bool Gate::on_client(std::uint32_t source, const char* message, std::size_t size) {
  if (size <= kClientIdBytes) {
    skynet_error(context_, "Invalid client message from %x", source);
    return false;
  }
  size -= kClientIdBytes;
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < kClientIdBytes; ++i) {
    id |= static_cast<std::uint32_t>(static_cast<unsigned char>(message[size + i])) << 8 * i;
  }
  if (find(static_cast<int>(id)) == nullptr) {
    skynet_error(context_, "Invalid client id %d from %x", static_cast<int>(id), source);
    return false;
  }
  skynet_socket_send(context_, static_cast<int>(id), const_cast<char*>(message),
                     static_cast<int>(size));
  return true;
}

// ---- events ------------------------------------------------------------------------------------

void Gate::on_event(const skynet_socket_message& event, std::string_view text) {
  switch (event.type) {
    case SKYNET_SOCKET_TYPE_DATA:
      runtime_socket_acknowledge(event.id, static_cast<std::size_t>(event.ud));
      receive(event.id, event.buffer, static_cast<std::size_t>(event.ud));
      break;
    case SKYNET_SOCKET_TYPE_ACCEPT: accept(event.ud, text); break;
    case SKYNET_SOCKET_TYPE_CLOSE: end(event.id); break;
    case SKYNET_SOCKET_TYPE_ERROR:
      if (event.id == listen_id_) {
        skynet_error(context_, "gate: accept error: %.*s", static_cast<int>(text.size()),
                     text.data());
      } else {
        end(event.id);
      }
      break;
    case SKYNET_SOCKET_TYPE_WARNING:
      skynet_error(context_, "fd (%d) send buffer (%d)K", event.id, event.ud);
      break;
    default:  // connect: the answer to a start
      break;
  }
}

void Gate::accept(int id, std::string_view address) {
  // A connection may have been accepted before the command `close` took effect.
  if (listen_id_ < 0 || connections_.size() >= max_) {
    skynet_socket_close(context_, id);
    return;
  }
  connections_[id].address = address;
  if (send_limit_ != 0) {
    runtime_socket_send_limit(id, static_cast<std::size_t>(send_limit_));
  }
  report(0, std::to_string(id) + " open " + std::to_string(id) + " " + std::string(address) + ":0");
}

void Gate::end(int id) {
  if (connections_.erase(id) == 0) return;
  skynet_socket_close(context_, id);
  report(0, std::to_string(id) + " close");
}

void Gate::receive(int id, char* block, std::size_t size) {
  Connection* connection = find(id);
  if (connection == nullptr || connection->kicked) {
    std::free(block);
    return;
  }
  connection->received.push(block, size);
  if (split(id, *connection)) return;
  skynet_error(context_, "Recv socket message > 16M");
  end(id);
}

// Delivers the packages that are whole. False: the next one is announced as too long.
bool Gate::split(int id, Connection& connection) {
  ReceiveBuffer& received = connection.received;
  while (received.bytes() >= length_bytes_) {
    std::size_t length = 0;
    for (const char byte : received.front(length_bytes_)) {
      length = length << 8 | static_cast<unsigned char>(byte);
    }
    if (length >= kMaxPackage) return false;
    if (received.bytes() < length_bytes_ + length) break;
    received.consume(length_bytes_);
    if (length == 0) continue;
    deliver(id, connection, received.front(length));
    received.consume(length);
  }
  return true;
}

void Gate::deliver(int id, const Connection& connection, std::string_view package) {
  void* bytes = const_cast<char*>(package.data());  // copied by skynet_send
  if (broker_ != 0) {
    skynet_send(context_, 0, broker_, tag_, id, bytes, package.size());
  } else if (connection.agent != 0) {
    skynet_send(context_, connection.client, connection.agent, tag_, id, bytes, package.size());
  } else if (watchdog_ != 0) {
    report(id, std::to_string(id).append(" data ").append(package));
  }
}

void Gate::report(int session, const std::string& text) {
  if (watchdog_ == 0) return;
  skynet_send(context_, 0, watchdog_, PTYPE_TEXT, session, const_cast<char*>(text.data()),
              text.size());
}

}  // namespace
}  // namespace runtime

void* gate_create(void) { return new runtime::Gate; }

int gate_init(void* instance, skynet_context* context, const char* args) {
  return static_cast<runtime::Gate*>(instance)->init(context, args) ? 0 : 1;
}

void gate_release(void* instance) { delete static_cast<runtime::Gate*>(instance); }
