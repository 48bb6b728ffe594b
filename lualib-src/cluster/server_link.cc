#include "cluster/server_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/name_table.h"
#include "cluster/packed_reader.h"
#include "cluster/trace_log.h"
#include "skynet_server.h"
#include "skynet_socket.h"
#include "skynet_timer.h"

namespace runtime::cluster {

namespace {

constexpr int kTraceType = 12;
constexpr int kMaxComplaints = 10;  // a connection's bad packets that are logged
constexpr int kHandshakeTicks = 500;

// cluster.error() knows how these begin.
constexpr char kEnding[] = "not delivered: the node is about to end";
constexpr char kWantsTls[] =
    "not delivered: the node takes TLS only, and this link has none (cluster_cert)";
constexpr char kHasNoTls[] = "this port has no TLS: the config of its node has no cluster_cert";

// The packed form of a handle, the shortest one (lua/seri_format.h).
std::string packed_handle(std::uint32_t handle) {
  const int bytes = handle == 0            ? 0
                    : handle <= 0xff       ? 1
                    : handle <= 0xffff     ? 2
                    : handle <= 0x7fffffff ? 4
                                           : 8;
  const int cookie = bytes == 8 ? 6 : bytes;
  std::string out(1, static_cast<char>(2 + cookie * 8));
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(i < 4 ? handle >> 8 * i : 0);
  return out;
}

std::string describe(const Target& target) {
  return target.named ? std::string(target.name) : fmt::format(":{:08x}", target.handle);
}

}  // namespace

ServerLink::ServerLink(skynet_context* context, int socket, const ServerOptions& options)
    : context_(context),
      peer_(options.peer),
      since_(skynet_now()),
      socket_(socket),
      compression_(options.compress_from),
      reader_(options.unfinished_bytes, &compression_),
      wire_(context),
      outbox_(context, Protocol::answers, &compression_, &wire_) {
  skynet_socket_nodelay(context, socket);
  if (options.dead_after_seconds > 0) runtime_socket_dead_after(socket, options.dead_after_seconds);
  const auto factory = secure_factory();
  wire_.open(socket, factory == nullptr ? nullptr : factory->server());
  if (wire_.is_secure()) {
    timer_session_ = skynet_context_newsession(context);
    skynet_timeout(skynet_context_handle(context), kHandshakeTicks, timer_session_);
  }
  skynet_socket_start(context, socket);
}

ServerLink::~ServerLink() {
  wire_.flush();
  if (socket_ >= 0) skynet_socket_close(context_, socket_);
}

// ---- the connection -----------------------------------------------------------------------------

void ServerLink::closed(std::string_view why, Unsent unsent) {
  if (socket_ < 0) return;
  last_error_ = why;
  const auto end = unsent == Unsent::drop ? skynet_socket_shutdown : skynet_socket_close;
  end(context_, std::exchange(socket_, -1));
  wire_.close();
  outbox_.close();
  calls_.clear();
  static constexpr char kClosed[] =
      "\x34"
      "closed";  // a short string of 6 bytes, packed
  skynet_send(context_, 0, skynet_context_handle(context_), PTYPE_RESERVED_LUA, 0,
              const_cast<char*>(kClosed), sizeof(kClosed) - 1);
}

bool ServerLink::take_event(const skynet_socket_message& event, std::size_t size) {
  if (event.id != socket_) {
    if (event.type == SKYNET_SOCKET_TYPE_DATA) std::free(event.buffer);
    return true;
  }
  const std::string_view text(reinterpret_cast<const char*>(&event + 1), size - sizeof(event));
  switch (event.type) {
    case SKYNET_SOCKET_TYPE_DATA: {
      const auto bytes = static_cast<std::size_t>(event.ud);
      runtime_socket_acknowledge(event.id, bytes);
      bytes_in_ += bytes;
      receive({event.buffer, bytes});
      std::free(event.buffer);
      break;
    }
    case SKYNET_SOCKET_TYPE_CLOSE: ended("the peer closed the connection"); break;
    case SKYNET_SOCKET_TYPE_ERROR: ended(text.substr(0, text.find('\0'))); break;
    case SKYNET_SOCKET_TYPE_WARNING:
      outbox_.on_unsent(event.ud);
      if (outbox_.overfull()) give_up();
      break;
    default: break;
  }
  return true;
}

// The peer, or the network, has ended it.
void ServerLink::ended(std::string_view why) {
  const bool in_handshake = wire_.is_secure() && !wire_.is_ready();
  // Who looks whether the port is open sends nothing.
  if (in_handshake && bytes_in_ > 0)
    return handshake_failed(fmt::format("the TLS handshake has failed: {}", why));
  closed(why);
}

// ---- its beginning ------------------------------------------------------------------------------

void ServerLink::receive(std::string_view bytes) {
  if (begun_) [[likely]]
    return feed(bytes);
  beginning_.append(bytes);
  const Beginning beginning = beginning_of(beginning_);
  if (!beginning.known) return;
  begun_ = true;
  const std::string first = std::exchange(beginning_, {});
  if (beginning.tls != wire_.is_secure()) mismatch(beginning.tls);
  if (socket_ >= 0) feed(first);
}

void ServerLink::feed(std::string_view bytes) {
  splitter_.feed(wire_.receive(bytes), [this](std::string_view body) { return on_packet(body); });
  if (!wire_.fault().empty()) handshake_failed(std::string(wire_.fault()));
}

// The peer speaks TLS, and this node does not; or the other way round.
void ServerLink::mismatch(bool tls) {
  skynet_error(context_, "cluster: the node at %s %s", peer_.c_str(),
               tls ? "speaks TLS, the config of this one has no cluster_cert"
                   : "speaks plainly, this one takes TLS only (cluster_cert)");
  wire_.make_plain();
  refusal_ = kWantsTls;
  if (!tls) return;
  // What is no TLS tells the peer as much.
  answer_error(0, kHasNoTls);
  closed(kHasNoTls, Unsent::send);
}

void ServerLink::handshake_failed(std::string_view why) {
  ++errors_;
  skynet_error(context_, "cluster: the connection of %s: %.*s", peer_.c_str(),
               static_cast<int>(why.size()), why.data());
  closed(why, Unsent::send);
}

bool ServerLink::take_timer(int session) {
  if (session == 0 || session != timer_session_) return false;
  timer_session_ = 0;
  if (refusal_ == kWantsTls) {
    closed(kWantsTls, Unsent::send);
  } else if (socket_ >= 0 && !wire_.is_ready()) {
    handshake_failed("the TLS handshake is not done in 5 seconds");
  }
  return true;
}

void ServerLink::give_up() {
  complain("the peer does not take its answers: the connection is closed");
  closed("the peer does not take its answers");
}

// ---- requests -----------------------------------------------------------------------------------

void ServerLink::complain(std::string_view text) {
  ++errors_;
  last_error_ = text;
  if (complaints_ > kMaxComplaints) return;
  const char* more =
      ++complaints_ > kMaxComplaints ? " (no more of this connection is logged)" : "";
  skynet_error(context_, "cluster: connection %d: %.*s%s", socket_, static_cast<int>(text.size()),
               text.data(), more);
}

void ServerLink::refuse_requests() {
  if (refusal_ == nullptr) refusal_ = kEnding;
}

bool ServerLink::on_packet(std::string_view body) {
  RequestReader::Event event = reader_.read(body);
  switch (event.kind) {
    case RequestReader::Event::Kind::nothing: break;
    case RequestReader::Event::Kind::trace: tag_ = event.text; break;
    case RequestReader::Event::Kind::nonsense: complain(event.text); break;
    case RequestReader::Event::Kind::damaged:
      complain(fmt::format("{}: the connection is closed", event.text));
      closed(event.text);
      break;
    case RequestReader::Event::Kind::refused: refuse(event, event.text); break;
    case RequestReader::Event::Kind::request:
      ++requests_;
      deliver(event);
      break;
  }
  return socket_ >= 0;
}

void ServerLink::refuse(const RequestReader::Event& event, std::string_view text) {
  complain(text);
  if (!event.push) answer_error(event.session, text);
}

void ServerLink::deliver(RequestReader::Event& event) {
  const Owned payload = event.payload;
  const std::string tag = std::exchange(tag_, {});
  if (refusal_ != nullptr && (!event.push || refusal_ == kWantsTls)) {
    std::free(payload.data);
    if (!event.push) answer_error(event.session, refusal_);
    return;
  }
  std::uint32_t to = event.target.handle;
  if (event.target.named) {
    const std::string_view name = event.target.name;
    if (!name.empty() && name.front() == '@') {
      to = find_name(name.substr(1));
    } else if (!name.empty() && (name.front() == '.' || name.front() == ':') &&
               name.find('\0') == name.npos) {
      to = skynet_queryname(context_, std::string(name).c_str());
    } else {
      to = 0;
    }
    if (to == 0) {
      std::free(payload.data);
      return refuse(event, "Invalid name");
    }
  } else if (to == 0) {
    if (!event.push) query(event.session, {payload.data, payload.size});
    std::free(payload.data);
    return;
  }
  if (!tag.empty()) {
    log_trace(context_, tag, "tracecall begin");
    skynet_send(context_, 0, to, kTraceType, 0, const_cast<char*>(tag.data()), tag.size());
  }
  int session = 0;
  if (!event.push) {
    do session = skynet_context_newsession(context_);
    while (calls_.count(session) != 0);
  }
  if (skynet_send(context_, 0, to, PTYPE_RESERVED_LUA | PTYPE_TAG_DONTCOPY, session, payload.data,
                  payload.size) < 0) {
    return refuse(event,
                  fmt::format("call failed: there is no service {}", describe(event.target)));
  }
  if (session != 0) calls_.emplace(session, Call{event.session, tag});
}

// Address 0 asks for the handle that has a name.
void ServerLink::query(std::uint32_t session, std::string_view payload) {
  PackedReader reader(payload);
  std::string_view name;
  if (!reader.string(&name)) name = {};
  if (compression_.wanted() && name == kCompressionName) {
    answer(session, Owned::copy_of(packed_handle(kCompressionAgreed)));
    compression_.agree();
    return;
  }
  const std::uint32_t handle = find_name(name);
  if (handle == 0) return answer_error(session, "name not found");
  const std::string packed = packed_handle(handle);
  answer(session, Owned::copy_of(packed));
}

// ---- answers ------------------------------------------------------------------------------------

bool ServerLink::take_response(int type, int session, Owned payload) {
  const auto found = calls_.find(session);
  if (found == calls_.end()) {
    if (socket_ >= 0 || session == 0) return false;
    std::free(payload.data);  // the connection has ended before its answer came
    return true;
  }
  const Call call = std::move(found->second);
  calls_.erase(found);
  if (!call.tag.empty()) log_trace(context_, call.tag, "tracecall end");
  if (type == PTYPE_RESPONSE && payload.size <= kMaxTotal) {
    answer(call.session, payload);
    return true;
  }
  ++errors_;
  const std::string_view text(payload.data, payload.size);
  answer_error(call.session, type == PTYPE_RESPONSE ? "the answer is too large"
                             : text.empty()         ? "call failed"
                                                    : text);
  std::free(payload.data);
  return true;
}

void ServerLink::answer(std::uint32_t session, Owned payload) {
  char head[kMaxHead];
  if (payload.size <= kPartBytes) {
    const std::size_t size = write_answer(head, session, AnswerKind::ok, payload.size);
    outbox_.small({head, size}, {payload.data, payload.size});
    std::free(payload.data);
  } else {
    const std::size_t size =
        write_answer_head(head, session, static_cast<std::uint32_t>(payload.size));
    outbox_.large({head, size}, session, payload);
    if (outbox_.overfull()) give_up();
  }
}

void ServerLink::answer_error(std::uint32_t session, std::string_view text) {
  text = text.substr(0, kPartBytes);
  char head[kMaxHead];
  const std::size_t size = write_answer(head, session, AnswerKind::error, text.size());
  outbox_.small({head, size}, text);
}

// ---- messages of the service --------------------------------------------------------------------

bool ServerLink::take(int type, int session, std::uint32_t source, void* message,
                      std::size_t size) {
  bool taken = false;
  switch (type) {
    case PTYPE_SOCKET:
      if (source != 0 || size < sizeof(skynet_socket_message)) return false;
      taken = take_event(*static_cast<skynet_socket_message*>(message), size);
      break;
    case PTYPE_RESPONSE:
      if (take_timer(session)) return true;
      [[fallthrough]];
    case PTYPE_ERROR: return take_response(type, session, {static_cast<char*>(message), size});
    default: taken = outbox_.take(type, source, size); break;
  }
  if (taken) std::free(message);
  return taken;
}

LinkStatus ServerLink::status() const {
  return {socket_ >= 0 ? "up" : "closed",
          since_,
          {},
          std::string(wire_.tls()),
          calls_.size(),
          bytes_in_,
          outbox_.bytes(),
          requests_,
          errors_,
          1,
          outbox_.compression(),
          compression_.saved_in(),
          compression_.saved_out(),
          last_error_};
}

}  // namespace runtime::cluster
