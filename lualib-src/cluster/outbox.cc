#include "cluster/outbox.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "skynet_server.h"
#include "skynet_socket.h"

namespace runtime::cluster {

namespace {

// What this thread has worked: not that it had to wait for a processor meanwhile.
std::uint64_t thread_nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

void Outbox::close() {
  for (auto* list : {&turns_, &waiting_}) {
    for (const Large& message : *list) std::free(message.payload.data);
    list->clear();
  }
  bytes_waiting_ = 0;
  unsent_kilobytes_ = 0;
  draining_ = false;
  payoff_ = {};
}

// As Compression::shrink().
std::size_t Outbox::shrink(std::string_view payload, char* out) {
  const Payoff::Way way = payoff_.next(payload.size(), [this] { return wire_->progress(); });
  if (way == Payoff::Way::plain) return 0;
  const std::uint64_t begun = way == Payoff::Way::timed ? thread_nanoseconds() : 0;
  const std::size_t written = compression_->shrink(payload, out);
  if (way == Payoff::Way::timed)
    payoff_.cost(thread_nanoseconds() - begun, payload.size(), written);
  return written;
}

std::size_t Outbox::add_payload(char* packet, std::size_t head_bytes, std::string_view payload) {
  char* const to = packet + head_bytes;
  if (compression_->is_for(payload.size()) && may_be_compressed(protocol_, {packet, head_bytes})) {
    if (const std::size_t written = shrink(payload, to); written > 0) {
      mark_compressed(protocol_, packet, head_bytes, written);
      return head_bytes + written;
    }
  }
  std::memcpy(to, payload.data(), payload.size());
  return head_bytes + payload.size();
}

void Outbox::small(std::string_view head, std::string_view payload) {
  packet_.assign(head);
  if (!payload.empty()) {
    packet_.resize(head.size() + payload.size());
    packet_.resize(add_payload(packet_.data(), head.size(), payload));
  }
  bytes_ += packet_.size();
  wire_->send(packet_);
}

void Outbox::large(std::string_view head, std::uint32_t session, Owned payload) {
  auto& list = turns_.size() < kTurns ? turns_ : waiting_;
  list.push_back({std::string(head), session, payload});
  bytes_waiting_ += payload.size;
  if (turns_.size() == 1 && !scheduled_ && !draining_) {
    go_on();
  } else {
    schedule();
  }
}

void Outbox::schedule() {
  if (scheduled_ || draining_) return;
  scheduled_ = true;
  skynet_send(context_, 0, skynet_context_handle(context_), PTYPE_TEXT, 0, nullptr, 0);
}

bool Outbox::take(int type, std::uint32_t source, std::size_t size) {
  if (type != PTYPE_TEXT || size != 0 || source != skynet_context_handle(context_)) return false;
  if (scheduled_) go_on();
  wire_->flush();
  return true;
}

void Outbox::on_unsent(int kilobytes) {
  unsent_kilobytes_ = static_cast<std::size_t>(kilobytes);
  if (kilobytes == 0 && std::exchange(draining_, false)) schedule();
}

bool Outbox::overfull() const {
  return unsent_kilobytes_ >= kMaxUnsentKilobytes || bytes_waiting_ > kMaxWaitingBytes;
}

void Outbox::go_on() {
  scheduled_ = false;
  std::size_t stretch = 0;
  while (!turns_.empty()) {
    if (stretch >=
        (compression_->agreed() && payoff_.compresses() ? kCompressedStretchBytes : kStretchBytes))
      return schedule();
    if (wire_->unsent() > kAheadBytes) {
      draining_ = true;
      return;
    }
    Large message = std::move(turns_.front());
    turns_.pop_front();
    // Alone, it need not let others in between: fewer system calls.
    stretch += send_parts(message, turns_.empty() ? kPartsAtOnce : 1);
    if (message.sent < message.payload.size) {
      turns_.push_back(std::move(message));
      continue;
    }
    std::free(message.payload.data);
    if (waiting_.empty()) continue;
    turns_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

std::size_t Outbox::send_parts(Large& message, std::size_t count) {
  if (!message.head.empty()) {
    small(message.head, {});
    message.head.clear();
  }
  const std::size_t left = message.payload.size - message.sent;
  const std::size_t size = std::min(left, count * kPartBytes);
  const std::size_t parts = (size + kPartBytes - 1) / kPartBytes;
  const std::size_t room = size + parts * kPartHead;
  auto* block = static_cast<char*>(std::malloc(room));
  RUNTIME_CHECK(block != nullptr, "out of memory");
  const char* from = message.payload.data + message.sent;
  message.sent += size;
  bytes_waiting_ -= size;
  char* to = block;
  for (std::size_t rest = size; rest > 0;) {
    const std::size_t bytes = std::min(rest, kPartBytes);
    rest -= bytes;
    const bool last = rest == 0 && message.sent == message.payload.size;
    const std::size_t head =
        protocol_ == Protocol::requests
            ? write_request_part(to, message.session, bytes, last)
            : write_answer(to, message.session, last ? AnswerKind::last : AnswerKind::part, bytes);
    to += add_payload(to, head, {from, bytes});
    from += bytes;
  }
  const auto total = static_cast<std::size_t>(to - block);
  if (total < room / 2) {
    // It may wait in the socket for long.
    block = static_cast<char*>(std::realloc(block, total));
    RUNTIME_CHECK(block != nullptr, "out of memory");
  }
  bytes_ += total;
  wire_->send_block(block, total);
  return size;
}

std::vector<std::uint32_t> Outbox::unsent_sessions() const {
  std::vector<std::uint32_t> sessions;
  for (const auto* list : {&turns_, &waiting_}) {
    for (const Large& message : *list) sessions.push_back(message.session);
  }
  return sessions;
}

}  // namespace runtime::cluster
