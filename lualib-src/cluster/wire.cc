#include "cluster/wire.h"

#include <cstdlib>
#include <utility>

#include "skynet_server.h"
#include "skynet_socket.h"

namespace runtime::cluster {

Beginning beginning_of(std::string_view bytes) {
  constexpr unsigned char kHandshake = 0x16, kMajor = 3;
  const auto at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (!bytes.empty() && at(0) != kHandshake) return {true, false};
  if (bytes.size() > 1 && at(1) != kMajor) return {true, false};
  if (bytes.size() > 2) return {true, at(2) >= 1 && at(2) <= 4};
  return {false, false};
}

void Wire::open(int socket, std::unique_ptr<Secure> secure) {
  socket_ = socket;
  secure_ = std::move(secure);
  gathered_.clear();
  receive({});
}

void Wire::close() {
  socket_ = -1;
  secure_.reset();
  gathered_ = {};
}

std::string_view Wire::tls() const {
  if (secure_ == nullptr) return {};
  return secure_->is_ready() ? secure_->version() : "handshake";
}

std::string_view Wire::receive(std::string_view bytes) {
  if (secure_ == nullptr) return bytes;
  if (plain_.capacity() > kKeptBytes) plain_ = {};
  plain_.clear();
  secure_->feed(bytes, &plain_);
  send_outgoing();
  return plain_;
}

void Wire::to_socket(std::string_view bytes) {
  socket_sendbuffer buffer = {};
  buffer.id = socket_;
  buffer.type = SOCKET_BUFFER_RAWPOINTER;
  buffer.buffer = bytes.data();
  buffer.sz = bytes.size();
  skynet_socket_sendbuffer(context_, &buffer);  // refused: its end will be told
}

void Wire::send_outgoing() {
  const std::string_view bytes = secure_->outgoing();
  if (bytes.empty()) return;
  if (bytes.size() > kGatherBytes) {
    const auto size = static_cast<int>(bytes.size());
    skynet_socket_send(context_, socket_, secure_->take_outgoing(), size);
    return;
  }
  to_socket(bytes);
  secure_->drop_outgoing();
}

void Wire::send(std::string_view packet) {
  if (secure_ == nullptr) return to_socket(packet);
  gathered_.append(packet);
  if (gathered_.size() >= kGatherBytes) return encrypt();
  if (std::exchange(woken_, true)) return;
  skynet_send(context_, 0, skynet_context_handle(context_), PTYPE_TEXT, 0, nullptr, 0);
}

void Wire::send_block(char* block, std::size_t size) {
  if (secure_ == nullptr) {
    skynet_socket_send_lowpriority(context_, socket_, block, static_cast<int>(size));
    return;
  }
  encrypt();
  secure_->write({block, size});
  std::free(block);
  send_outgoing();
}

void Wire::flush() {
  woken_ = false;
  encrypt();
}

void Wire::encrypt() {
  if (secure_ == nullptr || gathered_.empty()) return;
  secure_->write(gathered_);
  gathered_.clear();
  send_outgoing();
}

std::size_t Wire::unsent() const { return runtime_socket_unsent(socket_); }

std::optional<runtime_send_progress> Wire::progress() const {
  runtime_send_progress progress;
  if (runtime_socket_progress(socket_, &progress) != 0) return std::nullopt;
  return progress;
}

}  // namespace runtime::cluster
