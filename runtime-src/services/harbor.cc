#include "services/harbor.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/memory_ledger.h"
#include "core/node.h"
#include "core/remote_message.h"
#include "core/socket_message.h"
#include "services/harbor_calls.h"
#include "services/harbor_frame.h"
#include "services/harbor_peer.h"
#include "services/harbor_waiting.h"
#include "services/words.h"
#include "skynet_harbor.h"

namespace runtime {
namespace {

// How long a message waits for a node of which nobody has told anything, and how long a connected
// node may take to answer. 1/100 s, as text for skynet_command().
constexpr const char* kUnknownTicks = "500";
constexpr const char* kHandshakeTicks = "1000";
// A frame with a smaller payload is put together and sent as one piece.
constexpr std::size_t kJoinBytes = 16 * 1024;
// A node that leaves so much unread is given up.
constexpr int kMaxUnsentKb = 256 * 1024;
// A node of which not even its system answers counts as dead after so long.
constexpr int kDeadSeconds = 30;

using State = HarborPeer::State;

std::string node_text(std::uint32_t handle) { return "harbor " + std::to_string(handle >> 24); }

bool asks(const HarborMessage& message) {
  return message.session > 0 && message.type != PTYPE_RESPONSE && message.type != PTYPE_ERROR;
}

bool answers(const HarborMessage& message) { return message.session > 0 && !asks(message); }

class Harbor {
 public:
  ~Harbor();
  bool init(skynet_context* context, const char* args);

 private:
  static int on_message(skynet_context* context, void* self, int type, int session,
                        std::uint32_t source, const void* data, std::size_t size);
  void on_command(std::uint32_t source, std::string_view text);
  void on_name(std::string_view name, std::uint32_t handle);
  void on_connection(std::string_view command, std::string_view args);
  void on_envelope(std::uint32_t source, int session, const void* data, std::size_t size);
  void on_timer(int session);
  void on_event(const skynet_socket_message& event);

  // ---- messages to other nodes ----
  void pass_on(const HarborMessage& message, std::uint32_t handle);
  void send_to_node(const HarborMessage& message, std::uint32_t handle);
  void transmit(HarborPeer& peer, const HarborMessage& message, std::uint32_t handle);
  bool write(int socket, const HarborMessage& message, std::uint32_t handle);
  void refuse(const HarborMessage& message, std::uint32_t handle, const std::string& reason);
  void drop(const HarborMessage& message, std::uint32_t handle, const std::string& reason);

  // ---- connections ----
  void connected(HarborPeer& peer, int socket);
  void adopt(int id, HarborPeer& peer, int socket);
  void lose(int id, const std::string& reason);
  void end_socket(int* socket);
  void tell_id(int socket);
  void arm(HarborPeer& peer, const char* ticks);
  void receive(int socket, std::string_view bytes);
  bool answered(int id, HarborPeer& peer, int socket, std::string_view* bytes);
  void deliver(HarborFrame& frame);

  void tell_slave(const std::string& text);
  bool may_log();
  HarborPeer& peer(int id) { return peers_[static_cast<std::size_t>(id)]; }

  skynet_context* context_ = nullptr;
  std::uint32_t self_ = 0;
  int id_ = 0;
  std::uint32_t slave_ = 0;
  struct Name {
    std::uint32_t handle = 0;
    HarborWaiting waiting;
  };
  std::unordered_map<std::string, Name> names_;
  std::array<HarborPeer, REMOTE_MAX> peers_;
  std::unordered_map<int, int> nodes_;  // socket -> id of the node
  HarborCalls calls_;
  HarborLogLimit log_limit_;
  std::string joined_;  // a frame on its way; here so that its memory is kept
};

Harbor::~Harbor() {
  for (const auto& [socket, id] : nodes_) skynet_socket_close(context_, socket);
}

bool Harbor::init(skynet_context* context, const char* args) {
  std::string_view rest = args == nullptr ? "" : args;
  if (!read_number(take_word(&rest), 10, &id_) || id_ < 0 || id_ >= REMOTE_MAX ||
      !read_number(take_word(&rest), 10, &slave_) || slave_ == 0) {
    skynet_error(context, "error: harbor: the arguments must be a node id and the slave's handle");
    return false;
  }
  context_ = context;
  self_ = Service::from(context).handle();
  skynet_callback(context, this, on_message);
  return true;
}

int Harbor::on_message(skynet_context*, void* self, int type, int session, std::uint32_t source,
                       const void* data, std::size_t size) {
  Harbor& harbor = *static_cast<Harbor*>(self);
  switch (type) {
    case PTYPE_SYSTEM: harbor.on_envelope(source, session, data, size); break;
    case PTYPE_HARBOR: harbor.on_command(source, {static_cast<const char*>(data), size}); break;
    case PTYPE_RESPONSE: harbor.on_timer(session); break;
    case PTYPE_SOCKET: {
      const Message whole = Message::make(source, type, session, const_cast<void*>(data), size);
      if (const skynet_socket_message* event = socket_event(whole)) harbor.on_event(*event);
      break;
    }
  }
  return 0;
}

// ---- what the slave says ------------------------------------------------------------------------

void Harbor::on_command(std::uint32_t source, std::string_view text) {
  std::string_view args = text;
  const std::string_view command = take_word(&args);
  if (command == "N" && args.size() > 1) {
    on_name(args.substr(1), source);
  } else if (command == "S" || command == "A") {
    on_connection(command, args);
  } else if (int id = 0; command == "D" && read_number(take_word(&args), 10, &id) && id > 0 &&
                         id < REMOTE_MAX) {
    // The connection of a node that is up tells by itself when it breaks.
    if (peer(id).state != State::up && peer(id).state != State::down) {
      lose(id, "it has left the network");
    }
  } else {
    skynet_error(context_, "error: harbor: unknown command %.*s", static_cast<int>(text.size()),
                 text.data());
  }
}

void Harbor::on_name(std::string_view name, std::uint32_t handle) {
  Name& entry = names_[std::string(name)];
  entry.handle = handle;
  for (const HarborWaiting::Entry& message : entry.waiting.take()) pass_on(message, handle);
}

void Harbor::on_connection(std::string_view command, std::string_view args) {
  int socket = 0, id = 0;
  if (!read_number(take_word(&args), 10, &socket) || !read_number(take_word(&args), 10, &id) ||
      id <= 0 || id >= REMOTE_MAX || id == id_) {
    skynet_error(context_, "error: harbor: %.*s is no socket and node",
                 static_cast<int>(args.size()), args.data());
    return;
  }
  HarborPeer& node = peer(id);
  if (command == "A" && node.state == State::up) {
    skynet_error(context_, "harbor: node %d is connected already: closing its connection %d", id,
                 socket);
    skynet_socket_start(context_, socket);
    skynet_socket_shutdown(context_, socket);
    return;
  }
  nodes_[socket] = id;
  skynet_socket_start(context_, socket);
  skynet_socket_nodelay(context_, socket);
  runtime_socket_dead_after(socket, kDeadSeconds);
  tell_id(socket);
  if (command == "A") {
    connected(node, socket);
  } else if (node.state == State::up) {
    end_socket(&node.rival);
    node.rival = socket;
  } else {
    end_socket(&node.socket);
    node.socket = socket;
    node.state = State::handshake;
    arm(node, kHandshakeTicks);
  }
}

void Harbor::tell_id(int socket) {
  const char id = static_cast<char>(id_);
  socket_sendbuffer buffer{socket, SOCKET_BUFFER_RAWPOINTER, &id, 1};
  skynet_socket_sendbuffer(context_, &buffer);
}

void Harbor::tell_slave(const std::string& text) {
  skynet_send(context_, 0, slave_, PTYPE_TEXT, 0, const_cast<char*>(text.data()), text.size());
}

void Harbor::arm(HarborPeer& peer, const char* ticks) {
  const char* session = skynet_command(context_, "TIMEOUT", ticks);
  peer.deadline = session == nullptr ? 0 : std::atoi(session);
}

void Harbor::on_timer(int session) {
  for (int id = 1; id < REMOTE_MAX; ++id) {
    HarborPeer& node = peer(id);
    if (node.deadline != session) continue;
    node.deadline = 0;
    if (node.state == State::unknown) lose(id, "nobody has heard of it");
    if (node.state == State::handshake) lose(id, "it does not answer");
    return;
  }
}

// ---- messages to other nodes --------------------------------------------------------------------

void Harbor::on_envelope(std::uint32_t source, int session, const void* data, std::size_t size) {
  const RemoteMessage* remote =
      remote_message(data, size, Service::from(context_).node().remote_mark);
  if (remote == nullptr) {
    skynet_error(context_, "error: harbor: a message from :%08x is none for another node", source);
    refuse({source, session, PTYPE_SYSTEM, nullptr, 0}, self_, "");
    return;
  }
  take_bytes(block_bytes(remote->data));
  const HarborMessage message{source, session, remote->type, remote->data, remote->size};
  if (remote->name[0] == '\0') return send_to_node(message, remote->destination);
  std::string name(remote->name, strnlen(remote->name, GLOBALNAME_LENGTH));
  Name& entry = names_[name];
  if (entry.handle != 0) return pass_on(message, entry.handle);
  const bool first = entry.waiting.empty();
  if (!entry.waiting.push(message, 0)) {
    return drop(message, 0, "too much waits for the name " + name);
  }
  if (first) tell_slave("Q " + name);
}

// To the handle of a name, which may be one of this node.
void Harbor::pass_on(const HarborMessage& message, std::uint32_t handle) {
  if (Service::from(context_).node().is_remote(handle)) return send_to_node(message, handle);
  const int result =
      skynet_send(context_, message.source, handle, message.type | PTYPE_TAG_DONTCOPY,
                  message.session, message.data, message.size);
  if (result < 0) refuse(message, handle, "the service of this name has ended");
}

void Harbor::send_to_node(const HarborMessage& message, std::uint32_t handle) {
  HarborPeer& node = peer(static_cast<int>(handle >> 24));
  switch (node.state) {
    case State::up: return transmit(node, message, handle);
    case State::down: return drop(message, handle, node_text(handle) + " is down");
    case State::unknown:
      if (id_ == 0) return drop(message, handle, "this node has no harbor network");
      if (node.deadline == 0) arm(node, kUnknownTicks);
      [[fallthrough]];
    case State::handshake:
      if (!node.waiting.push(message, handle)) {
        drop(message, handle, "too much waits for " + node_text(handle));
      }
  }
}

void Harbor::transmit(HarborPeer& node, const HarborMessage& message, std::uint32_t handle) {
  if (message.size > kMaxFramePayload) {
    skynet_error(context_,
                 "error: The message from :%08x to :%08x is too large for another node: %zu bytes",
                 message.source, handle, message.size);
    std::free(message.data);
    if (!answers(message))
      return refuse(message, handle, "the message is too large for another node");
    // Who has asked, on the other node, would wait for ever.
    return transmit(node, {message.source, message.session, PTYPE_ERROR, nullptr, 0}, handle);
  }
  if (asks(message) && static_cast<int>(message.source >> 24) == id_) {
    const Node& here = Service::from(context_).node();
    calls_.add({message.source, handle, message.session}, [&](std::uint32_t source) {
      Service* service = here.acquire(source);
      if (service != nullptr) service->drop();
      return service != nullptr;
    });
  }
  // Refused by a socket whose end is on its way to us as an event.
  if (!write(node.socket, message, handle))
    lose(static_cast<int>(handle >> 24), "its connection is closed");
}

// Takes the payload. What one turn writes leaves in one system call (net/socket_server.h).
bool Harbor::write(int socket, const HarborMessage& message, std::uint32_t handle) {
  const auto head = encode_frame_head(message.size);
  const auto tail = encode_frame_tail(
      {message.source, handle, message.type, static_cast<std::uint32_t>(message.session)});
  const auto send = [&](int type, const void* bytes, std::size_t size) {
    socket_sendbuffer buffer{socket, type, bytes, size};
    return skynet_socket_sendbuffer(context_, &buffer) == 0;
  };
  if (message.size < kJoinBytes) {
    joined_.assign(head.data(), head.size());
    if (message.size > 0) joined_.append(static_cast<const char*>(message.data), message.size);
    joined_.append(tail.data(), tail.size());
    std::free(message.data);
    return send(SOCKET_BUFFER_RAWPOINTER, joined_.data(), joined_.size());
  }
  send(SOCKET_BUFFER_RAWPOINTER, head.data(), head.size());
  send(SOCKET_BUFFER_MEMORY, message.data, message.size);
  return send(SOCKET_BUFFER_RAWPOINTER, tail.data(), tail.size());
}

// Tells who waits for an answer that none will come. Why is for this node's services only: between
// nodes an error has no payload.
void Harbor::refuse(const HarborMessage& message, std::uint32_t handle, const std::string& reason) {
  if (!asks(message)) return;
  const std::string& text =
      Service::from(context_).node().is_remote(message.source) ? std::string() : reason;
  skynet_send(context_, handle, message.source, PTYPE_ERROR, message.session,
              text.empty() ? nullptr : const_cast<char*>(text.data()), text.size());
}

void Harbor::drop(const HarborMessage& message, std::uint32_t handle, const std::string& reason) {
  if (may_log()) {
    skynet_error(context_, "Drop message to harbor %d from %x to %x (session = %d, msgsz = %d)",
                 static_cast<int>(handle >> 24), message.source, handle, message.session,
                 static_cast<int>(message.size));
  }
  std::free(message.data);
  refuse(message, handle, reason);
}

bool Harbor::may_log() {
  unsigned omitted = 0;
  const bool allowed = log_limit_.allow(skynet_now(), &omitted);
  if (omitted > 0) skynet_error(context_, "harbor: %u lines like these were left out", omitted);
  return allowed;
}

// ---- connections --------------------------------------------------------------------------------

void Harbor::connected(HarborPeer& node, int socket) {
  if (node.socket != socket) end_socket(&node.socket);
  node.deadline = 0;
  node.state = State::up;
  node.socket = socket;
  node.reader = std::make_unique<HarborFrameReader>();
  for (const HarborWaiting::Entry& message : node.waiting.take()) {
    // A failed write takes the node down again.
    send_to_node(message, message.destination);
  }
}

// The node has answered on its new connection: the old one is a thing of its past life.
void Harbor::adopt(int id, HarborPeer& node, int socket) {
  node.rival = -1;
  end_socket(&node.socket);
  const auto calls = calls_.take(id);
  connected(node, socket);
  for (const HarborCalls::Call& call : calls) {
    refuse({call.source, call.session, PTYPE_RESERVED_LUA, nullptr, 0}, call.destination,
           node_text(call.destination) + " has started anew");
  }
}

void Harbor::end_socket(int* socket) {
  if (*socket < 0) return;
  nodes_.erase(*socket);
  skynet_socket_shutdown(context_, *socket);
  *socket = -1;
}

void Harbor::lose(int id, const std::string& reason) {
  HarborPeer& node = peer(id);
  const std::string text = "harbor " + std::to_string(id) + " is down: " + reason;
  skynet_error(context_, "Harbor %d is down: %s", id, reason.c_str());
  end_socket(&node.socket);
  end_socket(&node.rival);
  node.state = State::down;
  node.deadline = 0;
  node.reader.reset();
  for (const HarborWaiting::Entry& message : node.waiting.take())
    drop(message, message.destination, text);
  for (const HarborCalls::Call& call : calls_.take(id)) {
    refuse({call.source, call.session, PTYPE_RESERVED_LUA, nullptr, 0}, call.destination, text);
  }
  tell_slave("D " + std::to_string(id));
}

void Harbor::on_event(const skynet_socket_message& event) {
  if (event.type == SKYNET_SOCKET_TYPE_DATA) {
    runtime_socket_acknowledge(event.id, static_cast<std::size_t>(event.ud));
    receive(event.id, {event.buffer, static_cast<std::size_t>(event.ud)});
    std::free(event.buffer);
    return;
  }
  const auto found = nodes_.find(event.id);
  if (found == nodes_.end()) return;
  const int id = found->second;
  const bool gone =
      event.type == SKYNET_SOCKET_TYPE_CLOSE || event.type == SKYNET_SOCKET_TYPE_ERROR;
  const bool stuck = event.type == SKYNET_SOCKET_TYPE_WARNING && event.ud >= kMaxUnsentKb;
  if (!gone && !stuck) return;
  if (event.id == peer(id).rival) return end_socket(&peer(id).rival);
  lose(id, gone ? "its connection is closed"
                : "it does not read, " + std::to_string(event.ud) + " KB wait for it");
}

// The first byte on a connection of ours is the other node's id. False: it is not the one that was
// expected, and the connection has been ended.
bool Harbor::answered(int id, HarborPeer& node, int socket, std::string_view* bytes) {
  const int answer = static_cast<unsigned char>(bytes->front());
  bytes->remove_prefix(1);
  if (answer == id) {
    if (socket == node.rival) {
      adopt(id, node, socket);
    } else {
      connected(node, socket);
    }
    return node.socket == socket;
  }
  const std::string reason = "it says that its id is " + std::to_string(answer);
  if (socket == node.rival) {
    skynet_error(context_, "Harbor %d: new connection refused: %s", id, reason.c_str());
    end_socket(&node.rival);
  } else {
    lose(id, reason);
  }
  return false;
}

void Harbor::receive(int socket, std::string_view bytes) {
  const auto found = nodes_.find(socket);
  if (found == nodes_.end() || bytes.empty()) return;
  const int id = found->second;
  HarborPeer& node = peer(id);
  const bool first = socket == node.rival || node.state == State::handshake;
  if (first && !answered(id, node, socket, &bytes)) return;
  HarborFrame frame;
  // A write to this node may fail on the way, and end the connection.
  while (node.socket == socket) {
    switch (node.reader->next(&bytes, &frame)) {
      case HarborFrameReader::Result::frame: deliver(frame); break;
      case HarborFrameReader::Result::more: return;
      case HarborFrameReader::Result::too_long:
        skynet_error(context_, "error: Message is too long from harbor %d", id);
        return lose(id, "it sends a frame that is too long");
      case HarborFrameReader::Result::too_short:
        return lose(id, "it sends a frame that is too short");
    }
  }
}

void Harbor::deliver(HarborFrame& frame) {
  const FrameTail& tail = frame.tail;
  const std::uint32_t handle = static_cast<std::uint32_t>(id_) << 24 | tail.destination;
  const int session = static_cast<int>(tail.session);
  if (tail.type == PTYPE_RESPONSE || tail.type == PTYPE_ERROR) {
    const bool asked = calls_.remove(handle, session);
    // The answer to a response, which some nodes give: the session is not ours.
    if (tail.type == PTYPE_ERROR && session != 0 && !asked) return;
  }
  // What only this node itself may say: to this service, and in the socket server's name.
  const bool internal = handle == self_ || tail.type == PTYPE_HARBOR || tail.type == PTYPE_SOCKET;
  if (!internal && skynet_send(context_, tail.source, handle, tail.type | PTYPE_TAG_DONTCOPY,
                               session, frame.release(), frame.size()) >= 0) {
    return;
  }
  if (tail.type == PTYPE_ERROR) return;
  if (may_log()) {
    skynet_error(context_, "Unknown destination :%x from :%x type(%d)", handle, tail.source,
                 tail.type);
  }
  // The session of a response is the receiver's, and would mean another request to its sender.
  if (tail.type == PTYPE_RESPONSE) return;
  skynet_send(context_, handle, tail.source, PTYPE_ERROR, session, nullptr, 0);
}

}  // namespace
}  // namespace runtime

void* harbor_create(void) { return new runtime::Harbor; }

int harbor_init(void* instance, skynet_context* context, const char* args) {
  if (!static_cast<runtime::Harbor*>(instance)->init(context, args)) return 1;
  auto& service = runtime::Service::from(context);
  service.node().harbor_service.store(service.handle());
  return 0;
}

void harbor_release(void* instance) { delete static_cast<runtime::Harbor*>(instance); }
