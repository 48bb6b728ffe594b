#include "cluster/server_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/name_table.h"
#include "cluster/packed_reader.h"
#include "cluster/trace_log.h"
#include "skynet_server.h"
#include "skynet_socket.h"

namespace runtime::cluster {

namespace {

constexpr int kTraceType = 12;
constexpr int kMaxComplaints = 10;  // a connection's bad packets that are logged

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
      since_(skynet_now()),
      socket_(socket),
      compression_(options.compress_from),
      reader_(options.unfinished_bytes, &compression_),
      outbox_(context, Protocol::answers, &compression_) {
  skynet_socket_nodelay(context, socket);
  if (options.dead_after_seconds > 0) runtime_socket_dead_after(socket, options.dead_after_seconds);
  outbox_.open(socket);
  skynet_socket_start(context, socket);
}

ServerLink::~ServerLink() {
  if (socket_ >= 0) skynet_socket_close(context_, socket_);
}

// ---- the connection -----------------------------------------------------------------------------

void ServerLink::closed(std::string_view why) {
  if (socket_ < 0) return;
  last_error_ = why;
  skynet_socket_shutdown(context_, std::exchange(socket_, -1));
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
      splitter_.feed({event.buffer, bytes},
                     [this](std::string_view body) { return on_packet(body); });
      std::free(event.buffer);
      break;
    }
    case SKYNET_SOCKET_TYPE_CLOSE: closed("the peer closed the connection"); break;
    case SKYNET_SOCKET_TYPE_ERROR: closed(text.substr(0, text.find('\0'))); break;
    case SKYNET_SOCKET_TYPE_WARNING:
      outbox_.on_unsent(event.ud);
      if (outbox_.overfull()) give_up();
      break;
    default: break;
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
  if (refusing_ && !event.push) {
    std::free(payload.data);
    // cluster.error() knows how this begins.
    return answer_error(event.session, "not delivered: the node is about to end");
  }
  std::uint32_t to = event.target.handle;
  if (event.target.named) {
    const std::string_view name = event.target.name;
    if (!name.empty() && name.front() == '@') {
      to = find_name(name.substr(1));
    } else if (!name.empty() && name.front() == '.' && name.find('\0') == name.npos) {
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
          calls_.size(),
          bytes_in_,
          outbox_.bytes(),
          requests_,
          errors_,
          1,
          compression_.agreed(),
          compression_.saved_in(),
          compression_.saved_out(),
          last_error_};
}

}  // namespace runtime::cluster
