#include "docstore/server.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "skynet_malloc.h"
#include "skynet_server.h"
#include "skynet_socket.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kLengthBytes = 4;
// Of requests that wait: beyond it peers are not read from.
constexpr std::size_t kMostPendingBytes = std::size_t{64} << 20;
// Answers that a peer does not take: more than the largest one, so that it may always be sent.
constexpr std::size_t kMostUnsentBytes = std::size_t{128} << 20;

void answer_service(std::uint32_t from, const Answer& answer, int type) {
  skynet_message message{from, answer.session, answer.frame.bytes,
                         answer.frame.size | static_cast<std::size_t>(type) << MESSAGE_TYPE_SHIFT};
  if (skynet_context_push(answer.asker, &message) != 0) std::free(answer.frame.bytes);
}

}  // namespace

Server::Server(skynet_context* context)
    : context_(context), handle_(skynet_context_handle(context)), store_(deliver, this) {}

Server::~Server() {
  for (const auto& [socket, link] : links_) skynet_socket_close(context_, socket);
}

void Server::accept(int socket, std::string_view address) {
  links_[socket].address = address;
  runtime_socket_send_limit(socket, kMostUnsentBytes);
  skynet_socket_nodelay(context_, socket);
  skynet_socket_start(context_, socket);
}

bool Server::take(int type, int session, std::uint32_t source, void* message, std::size_t size) {
  if (type == kMessageType && source == handle_ && size == 0) {
    acknowledge_owed();
    return true;
  }
  if (type == kMessageType) {
    ask(session, source, {static_cast<const char*>(message), size});
    serve();
    std::free(message);
    return true;
  }
  if (type != PTYPE_SOCKET || source != 0 || size < sizeof(skynet_socket_message)) return false;
  const auto& event = *static_cast<const skynet_socket_message*>(message);
  // What is accepted concerns the listener, which is Lua's.
  if (!links_.contains(event.id) || !take_event(event)) return false;
  std::free(message);
  return true;
}

// What waits behind this message shall be committed with it.
void Server::serve() {
  const char* waiting = skynet_command(context_, "STAT", "mqlen");
  const bool is_last = waiting != nullptr && std::strcmp(waiting, "0") == 0;
  store_.serve(is_last ? Store::Where::here_if_short : Store::Where::on_its_thread);
}

// ---- sockets ------------------------------------------------------------------------------------

bool Server::take_event(const skynet_socket_message& event) {
  switch (event.type) {
    case SKYNET_SOCKET_TYPE_DATA: {
      const auto bytes = static_cast<std::size_t>(event.ud);
      Link& link = links_[event.id];
      const bool good = feed(event.id, link, {event.buffer, bytes});
      serve();
      std::free(event.buffer);
      if (!good) {
        close(event.id);
        break;
      }
      if (pending_ <= kMostPendingBytes) {
        runtime_socket_acknowledge(event.id, bytes);
        break;
      }
      link.owed += bytes;
      owes_ = true;
      if (pending_ <= kMostPendingBytes) acknowledge_owed();  // all was answered meanwhile
      break;
    }
    case SKYNET_SOCKET_TYPE_CLOSE:
    case SKYNET_SOCKET_TYPE_ERROR: close(event.id); break;
    default: break;
  }
  return true;
}

void Server::acknowledge_owed() {
  owes_ = false;
  for (auto& [socket, link] : links_) {
    if (link.owed > 0) runtime_socket_acknowledge(socket, std::exchange(link.owed, 0));
  }
}

bool Server::feed(int socket, Link& link, std::string_view bytes) {
  while (!bytes.empty()) {
    std::string& unfinished = link.unfinished;
    if (unfinished.size() < kLengthBytes && (!unfinished.empty() || bytes.size() < kLengthBytes)) {
      const std::size_t more = std::min(kLengthBytes - unfinished.size(), bytes.size());
      unfinished.append(bytes.substr(0, more));
      bytes.remove_prefix(more);
      if (unfinished.size() < kLengthBytes) return true;
    }
    const std::int64_t rest = bytes_after_length(
        unfinished.empty() ? bytes.substr(0, kLengthBytes)
                           : std::string_view(unfinished).substr(0, kLengthBytes));
    if (rest < 0) {
      complain(link, "a message with an impossible length");
      return false;
    }
    const std::size_t whole = static_cast<std::size_t>(rest) + kLengthBytes;
    if (unfinished.empty() && bytes.size() >= whole) {
      if (!submit_frame(socket, link, bytes.substr(0, whole))) return false;
      bytes.remove_prefix(whole);
      continue;
    }
    const std::size_t more = std::min(whole - unfinished.size(), bytes.size());
    unfinished.append(bytes.substr(0, more));
    bytes.remove_prefix(more);
    if (unfinished.size() < whole) return true;
    const std::string frame = std::exchange(unfinished, {});
    if (!submit_frame(socket, link, frame)) return false;
  }
  return true;
}

bool Server::submit_frame(int socket, const Link& link, std::string_view frame) {
  auto job = std::make_unique<Job>();
  job->peer = socket;
  job->address = link.address;
  job->frame = frame;
  job->request = parse_request(job->frame);
  if (job->request.malformed != nullptr) {
    complain(link, job->request.malformed);
    return false;
  }
  pending_ += job->frame.size();
  store_.submit(std::move(job));
  return true;
}

void Server::complain(const Link& link, const char* what) {
  skynet_error(context_, "docstore: %s sent %s: the connection is closed", link.address.c_str(),
               what);
}

void Server::close(int socket) {
  links_.erase(socket);
  store_.forget(socket);
  skynet_socket_close(context_, socket);
}

// ---- services -----------------------------------------------------------------------------------

void Server::ask(int session, std::uint32_t source, std::string_view frame) {
  auto job = std::make_unique<Job>();
  job->asker = source;
  job->session = session;
  job->frame = frame;
  job->request = parse_request(job->frame);
  if (job->request.malformed == nullptr) {
    // Who gives no session waits for nothing.
    if (session == 0) job->request.wants_no_answer = true;
    return store_.submit(std::move(job));
  }
  skynet_error(context_, "docstore: :%08x sent %s", source, job->request.malformed);
  if (session != 0)
    answer_service(handle_, {kInside, source, session, {nullptr, 0}, 0}, PTYPE_ERROR);
}

void Server::deliver(void* self, std::vector<Answer>& answers) {
  auto& server = *static_cast<Server*>(self);
  runtime_hold_messages();
  std::size_t done = 0;
  for (const Answer& answer : answers) {
    if (answer.peer == kInside) {
      if (answer.session != 0) answer_service(server.handle_, answer, PTYPE_RESPONSE);
      continue;
    }
    done += answer.request_bytes;
    if (answer.frame.bytes != nullptr) {
      // The socket takes the bytes, or frees them where it has gone.
      skynet_socket_send(server.context_, static_cast<int>(answer.peer), answer.frame.bytes,
                         static_cast<int>(answer.frame.size));
    }
  }
  const std::size_t before = server.pending_.fetch_sub(done);
  if (before - done <= kMostPendingBytes && server.owes_) {
    skynet_message message{server.handle_, 0, nullptr,
                           static_cast<std::size_t>(kMessageType) << MESSAGE_TYPE_SHIFT};
    skynet_context_push(server.handle_, &message);
  }
  runtime_release_messages();
}

}  // namespace runtime::docstore
