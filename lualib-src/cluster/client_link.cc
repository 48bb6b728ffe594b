#include "cluster/client_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/packed_reader.h"
#include "cluster/trace_log.h"
#include "skynet_server.h"
#include "skynet_socket.h"
#include "skynet_timer.h"

namespace runtime::cluster {

namespace {

constexpr int kTraceType = 12;
constexpr std::size_t kMaxWaiting = 65536;
constexpr std::size_t kMaxWaitingBytes = 256 * 1024 * 1024;

std::string name_of(const Target& target) {
  return target.named ? std::string(target.name) : fmt::format(":{:08x}", target.handle);
}

}  // namespace

ClientLink::ClientLink(skynet_context* context, std::string node, const ClientOptions& options)
    : context_(context),
      node_(std::move(node)),
      options_(options),
      since_(skynet_now()),
      compression_(options.compress_from),
      wire_(context),
      outbox_(context, Protocol::requests, &compression_, &wire_),
      budget_{options.unfinished_bytes} {}

ClientLink::~ClientLink() {
  constexpr std::string_view kWhy = "the sender of this node has ended";
  drop_waiting(kWhy);
  fail_all(Delivered::maybe, kWhy);
  disconnect();
}

// ---- requests -----------------------------------------------------------------------------------

// ("req" | "push", address, message, size[, timeout]), as clustersender has it.
bool ClientLink::take_request(int session, std::uint32_t source, std::string_view message) {
  PackedReader reader(message);
  std::string_view command;
  if (!reader.string(&command)) return false;
  const bool push = command == "push";
  if (!push && command != "req") return false;
  Target target;
  std::int64_t handle = 0, size = 0, timeout = -1;
  void* memory = nullptr;
  target.named = reader.string(&target.name);
  if (target.named) {
    if (target.name.empty() || target.name.size() > kMaxName) return false;
  } else if (!reader.integer(&handle) || handle < 0 || handle > 0xffffffff) {
    return false;
  }
  target.handle = static_cast<std::uint32_t>(handle);
  if (reader.pointer(&memory)) {
    if (!reader.integer(&size) || size < 0) return false;
  } else {
    return false;
  }
  if (!reader.at_end() && (!reader.integer(&timeout) || !reader.at_end())) return false;
  const Owned payload{static_cast<char*>(memory), static_cast<std::size_t>(size)};
  const int ticks = timeout < 0 ? options_.timeout_ticks
                                : static_cast<int>(std::min<std::int64_t>(timeout, INT32_MAX));
  request(source, push ? 0 : session, target, payload, ticks);
  return true;
}

std::uint32_t ClientLink::new_session() {
  do {
    last_session_ = last_session_ >= kMaxTotal ? 1 : last_session_ + 1;
  } while (last_session_ == offer_ || calls_.count(last_session_) != 0);
  return last_session_;
}

void ClientLink::request(std::uint32_t source, int session, const Target& target, Owned payload,
                         int timeout) {
  const bool push = session == 0;
  ++requests_;
  const char* refusal = nullptr;
  if (state_ == State::down) {
    refusal = down_.c_str();
  } else if (outbox_.overfull()) {
    refusal = "the peer takes nothing, and too much waits for it already";
  } else if (waiting_.size() >= kMaxWaiting || waiting_bytes_ > kMaxWaitingBytes) {
    refusal = "too much waits for the node already";
  } else if (payload.size > kMaxTotal) {
    refusal = "the message is too large";
  }
  if (refusal != nullptr) {
    std::free(payload.data);
    fail_request(source, session, target, Delivered::no, refusal);
    return;
  }
  if (push && state_ != State::up) ++early_pushes_;
  send_trace(source, session);
  const bool large = payload.size >= kPartBytes;
  const std::uint32_t wire_session = push && !large ? 0 : new_session();
  if (!push) {
    Call& call = calls_[wire_session];
    call.source = source;
    call.session = session;
    call.target = target;
    if (target.named) call.name = target.name;
    if (timeout > 0) {
      call.deadline = skynet_now() + static_cast<std::uint64_t>(timeout);
      deadlines_.emplace(call.deadline, wire_session);
      set_timer();
    }
  }
  char head[kMaxHead];
  const std::size_t size = large
                               ? write_request_head(head, target, wire_session,
                                                    static_cast<std::uint32_t>(payload.size), push)
                               : write_request(head, target, wire_session, payload.size);
  if (wire_.is_ready() && !large) [[likely]] {
    outbox_.small({head, size}, {payload.data, payload.size});
    std::free(payload.data);
  } else {
    send({wire_session, !push, std::string(head, size), payload, large});
  }
}

void ClientLink::send(Waiting packet) {
  if (!wire_.is_ready()) {
    waiting_bytes_ += packet.payload.size;
    waiting_.push_back(std::move(packet));
    if (state_ == State::idle) connect();
    return;
  }
  if (packet.large) {
    outbox_.large(packet.head, packet.session, packet.payload);
  } else {
    outbox_.small(packet.head, {packet.payload.data, packet.payload.size});
    std::free(packet.payload.data);
  }
}

void ClientLink::take_trace(std::uint32_t source, std::string_view tag) { traces_[source] = tag; }

void ClientLink::send_trace(std::uint32_t source, int session) {
  if (traces_.empty()) return;
  const auto found = traces_.find(source);
  if (found == traces_.end()) return;
  std::string tag = std::move(found->second);
  traces_.erase(found);
  log_trace(context_, tag, "cluster " + node_);
  if (tag.empty() || tag.front() != '(')
    tag = fmt::format("({}-{}-{}){}", node_name(), node_, session, tag);
  if (tag.size() > kPartBytes) return;
  char head[kMaxHead];
  const std::size_t size = write_trace(head, tag.size());
  send({0, false, std::string(head, size), Owned::copy_of(tag), false});
}

// ---- answers ------------------------------------------------------------------------------------

const char* ClientLink::on_answer(std::string_view body) {
  Answer got;
  if (!parse_answer(body, &got, compression_.payloads())) return "what it answers is no answer";
  if (offer_ != 0 && got.session == offer_ && got.kind <= AnswerKind::ok) {
    offer_ = 0;
    PackedReader reader(got.data);
    std::int64_t agreed = 0;
    if (got.kind == AnswerKind::ok && reader.integer(&agreed) && agreed == kCompressionAgreed)
      compression_.agree();
    return nullptr;
  }
  const auto found = calls_.find(got.session);
  if (found == calls_.end()) {
    // Its deadline has passed, or nobody asked. Of a large one the head is enough to tell.
    if (got.kind < AnswerKind::part)
      log("an answer is dropped",
          fmt::format("node {} answers the unknown session {}", node_, got.session));
    return nullptr;
  }
  if (got.compressed && !compression_.expand(&got.data)) return compression_.fault().c_str();
  Call& call = found->second;
  switch (got.kind) {
    case AnswerKind::ok:
      answer(call, Owned::copy_of(got.data));
      if (call.deadline != 0) deadlines_.erase({call.deadline, got.session});
      calls_.erase(found);
      break;
    case AnswerKind::error: fail(got.session, Delivered::yes, got.data); break;
    default: on_part(got.session, call, got);
  }
  return nullptr;
}

void ClientLink::on_part(std::uint32_t session, Call& call, const Answer& got) {
  if (got.kind == AnswerKind::head) {
    if (got.total > kMaxTotal || got.total > options_.unfinished_bytes) {
      fail(session, Delivered::yes, fmt::format("the answer of {} bytes is too large", got.total));
    } else {
      call.answer = std::make_unique<Assembly>(got.total, &budget_);
    }
    return;
  }
  if (call.answer == nullptr)
    return fail(session, Delivered::yes, "a part of an answer without a beginning");
  switch (call.answer->add(got.data)) {
    case Assembly::Added::yes: break;
    case Assembly::Added::too_long:
      return fail(session, Delivered::yes, "the parts of the answer do not add up");
    case Assembly::Added::no_room:
      return fail(session, Delivered::yes, "too much of unfinished answers");
  }
  if (got.kind != AnswerKind::last) return;
  if (!call.answer->complete())
    return fail(session, Delivered::yes, "the parts of the answer do not add up");
  answer(call, call.answer->take());
  if (call.deadline != 0) deadlines_.erase({call.deadline, session});
  calls_.erase(session);
}

void ClientLink::answer(Call& call, Owned payload) {
  skynet_send(context_, 0, call.source, PTYPE_RESPONSE | PTYPE_TAG_DONTCOPY, call.session,
              payload.data, payload.size);
}

void ClientLink::fail_request(std::uint32_t source, int session, const Target& target,
                              Delivered delivered, std::string_view why) {
  ++errors_;
  const char* how = delivered == Delivered::no    ? "not delivered"
                    : delivered == Delivered::yes ? "answered"
                                                  : "maybe delivered";
  const std::string text =
      fmt::format("{}: node {} at {}, address {}: {}", how, node_, address(), name_of(target), why);
  if (session == 0) {
    log("a message was dropped", text);
    return;
  }
  if (delivered == Delivered::yes) log("a call failed", text);
  skynet_send(context_, 0, source, PTYPE_ERROR, session, const_cast<char*>(text.data()),
              text.size());
}

// A line a second: what fails may be a flood.
void ClientLink::log(const char* what, const std::string& text) {
  const std::uint64_t now = skynet_now();
  if (now < next_log_) {
    ++not_logged_;
    return;
  }
  next_log_ = now + 100;
  const std::string more =
      not_logged_ == 0 ? "" : fmt::format(" ({} more were not logged)", not_logged_);
  not_logged_ = 0;
  skynet_error(context_, "cluster: %s: %s%s", what, text.c_str(), more.c_str());
}

void ClientLink::fail(std::uint32_t session, Delivered delivered, std::string_view why) {
  const auto found = calls_.find(session);
  if (found == calls_.end()) return;
  Call call = std::move(found->second);
  calls_.erase(found);
  if (call.deadline != 0) deadlines_.erase({call.deadline, session});
  call.target.name = call.name;
  fail_request(call.source, call.session, call.target, delivered, why);
}

void ClientLink::fail_all(Delivered delivered, std::string_view why) {
  const std::string reason(why);
  while (!calls_.empty()) fail(calls_.begin()->first, delivered, reason);
}

// What waits, here or in the socket of an attempt that fails, has not been delivered for sure. Pushes
// among it are dropped.
void ClientLink::drop_waiting(std::string_view why) {
  std::deque<Waiting> waiting = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  for (Waiting& packet : waiting) {
    std::free(packet.payload.data);
    if (packet.call) fail(packet.session, Delivered::no, why);
  }
  const std::size_t pushes = std::exchange(early_pushes_, 0);
  if (pushes == 0) return;
  errors_ += pushes;
  log("messages were dropped",
      fmt::format("not delivered: {} to node {} at {}: {}", pushes, node_, address(), why));
}

// ---- messages of the service --------------------------------------------------------------------

bool ClientLink::take(int type, int session, std::uint32_t source, void* message,
                      std::size_t size) {
  bool taken = false;
  switch (type) {
    case PTYPE_RESERVED_LUA:
      taken = take_request(session, source, {static_cast<char*>(message), size});
      break;
    case PTYPE_SOCKET:
      if (source != 0 || size < sizeof(skynet_socket_message)) return false;
      taken = take_event(*static_cast<skynet_socket_message*>(message), size);
      break;
    case PTYPE_RESPONSE: taken = take_timer(session); break;
    case kTraceType:
      take_trace(source, {static_cast<char*>(message), size});
      taken = true;
      break;
    default: taken = outbox_.take(type, source, size); break;
  }
  if (taken) std::free(message);
  return taken;
}

LinkStatus ClientLink::status() const {
  static constexpr const char* kStates[] = {"unknown", "down",       "idle",
                                            "pausing", "connecting", "up"};
  return {kStates[static_cast<int>(state_)],
          since_,
          host_.empty() ? std::string() : address(),
          std::string(wire_.tls()),
          calls_.size(),
          bytes_in_,
          outbox_.bytes(),
          requests_,
          errors_,
          connections_,
          outbox_.compression(),
          compression_.saved_in(),
          compression_.saved_out(),
          last_error_};
}

}  // namespace runtime::cluster
