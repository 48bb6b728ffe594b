// The part of an I/O thread that sends and receives messages.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "base/websocket_frame.h"
#include "services/wsgate/io_thread.h"

namespace runtime::wsgate {

namespace {

// Smaller messages are not worth compressing.
constexpr std::size_t kDeflateFrom = 64;
// What a package costs beside its bytes, so that many small ones are not more than they seem.
constexpr std::size_t kPackageOverhead = 64;

}  // namespace

// ---- out ----------------------------------------------------------------------------------------

std::size_t IoThread::waiting_bytes(const Connection& connection) {
  return connection.unsent_bytes +
         (lws_partial_buffered(connection.wsi) ? connection.handed_bytes : 0);
}

bool IoThread::flush(Connection& connection) {
  // Made by hand and written raw, the frames of many messages are one system call. libwebsockets
  // keeps what the socket does not take, and sends its own control frames behind it.
  while (!connection.unsent.empty() && !lws_partial_buffered(connection.wsi)) {
    frames_.clear();
    while (!connection.unsent.empty() && frames_.size() < kBatchBytes) {
      const Package message = std::move(connection.unsent.front());
      connection.unsent.pop_front();
      connection.unsent_bytes -= message.size;
      append_frame(connection, message);
    }
    connection.handed_bytes = frames_.size();
    if (lws_write(connection.wsi, frames_.data(), frames_.size(), LWS_WRITE_RAW) < 0) return false;
  }
  if (!connection.unsent.empty()) lws_callback_on_writable(connection.wsi);
  if (lws_partial_buffered(connection.wsi)) leave_to_library_ = true;
  return true;
}

void IoThread::append_frame(Connection& connection, const Package& message) {
  int opcode = shared_.options.sends_text ? websocket::kText : websocket::kBinary;
  std::string_view payload(message.bytes.get(), message.size);
  if (connection.deflate != nullptr && message.size >= kDeflateFrom) {
    deflated_.clear();
    connection.deflate->deflate(payload, &deflated_);
    payload = {reinterpret_cast<const char*>(deflated_.data()), deflated_.size()};
    opcode |= websocket::kCompressed;
  }
  char header[websocket::kMaxHeader];
  const std::size_t size = websocket::write_frame_header(opcode, payload.size(), nullptr, header);
  frames_.insert(frames_.end(), header, header + size);
  frames_.insert(frames_.end(), payload.begin(), payload.end());
}

int IoThread::on_writable(Connection& connection) {
  // After the close frame libwebsockets waits for the peer's answer.
  if (connection.said_goodbye) return 0;
  if (!flush(connection)) return -1;
  if (!connection.is_closing || !connection.unsent.empty()) return 0;
  if (lws_partial_buffered(connection.wsi)) {
    lws_callback_on_writable(connection.wsi);
    return 0;
  }
  return say_goodbye(connection, LWS_CLOSE_STATUS_NORMAL);
}

int IoThread::say_goodbye(Connection& connection, lws_close_status status) {
  report_closed(connection);
  lws_close_reason(connection.wsi, status, nullptr, 0);
  connection.is_closing = connection.said_goodbye = true;
  return -1;
}

// ---- in -----------------------------------------------------------------------------------------

bool IoThread::read_connections(int timeout_ms) {
  while (!held_back_.empty()) {
    Connection& connection = *held_back_.back();
    held_back_.pop_back();
    read(connection);
  }
  if (!readable_.collect(timeout_ms)) return false;
  // A handshake, or somebody new, must not wait until all others are silent.
  if (readable_.take_library_due()) leave_to_library_ = true;
  while (Connection* const connection = readable_.next()) {
    if (!connection->is_paused) {
      read(*connection);
      continue;
    }
    // The peer has gone. What it sent last is lost, as always when there was no start.
    readable_.remove(*connection);
    report_closed(*connection);
    cut(*connection);
  }
  return true;
}

void IoThread::read(Connection& connection) {
  lws* const wsi = connection.wsi;
  pollfd socket{lws_get_socket_fd(wsi), LWS_POLLIN, LWS_POLLIN};
  reading_ = &connection;
  lws_rx_flow_control(wsi, 1 | LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
  const bool is_ending = lws_service_fd(context_, &socket) != 0;
  if (reading_ == nullptr) return;
  reading_ = nullptr;
  if (is_ending) {
    on_ending(connection);
    // Bytes for the peer are stuck. libwebsockets waits some seconds for the socket to take them,
    // and must not read the end again meanwhile.
    if (lws_partial_buffered(wsi)) readable_.remove(connection);
  }
  lws_rx_flow_control(wsi, 0 | LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
}

void IoThread::pause(Connection& connection) {
  connection.is_paused = true;
  readable_.change(connection, ReadSet::Watch::end_only);
  lws_rx_flow_control(connection.wsi, 0);
}

void IoThread::resume(Connection& connection) {
  if (!connection.is_paused) return;
  connection.is_paused = false;
  readable_.change(connection, ReadSet::Watch::bytes_and_end);
  held_back_.push_back(&connection);
}

int IoThread::on_received(Connection& connection, std::string_view bytes) {
  if (connection.is_closing) return 0;
  lws* const wsi = connection.wsi;
  if (lws_is_first_fragment(wsi)) {
    const int reserved = lws_get_reserved_bits(wsi);
    const int agreed = connection.deflate != nullptr ? websocket::kCompressed : 0;
    if ((reserved & ~agreed) != 0) return say_goodbye(connection, LWS_CLOSE_STATUS_PROTOCOL_ERR);
    connection.is_compressed = (reserved & websocket::kCompressed) != 0;
    connection.is_text = !lws_frame_is_binary(wsi);
  }
  // What a frame says of its size is worth believing when that alone is too much.
  if (lws_remaining_packet_payload(wsi) > max_incoming(connection) ||
      !append_incoming(connection, bytes)) {
    return say_goodbye(connection, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
  }
  if (!lws_is_final_fragment(wsi)) return 0;
  Package package;
  const lws_close_status wrong = finish_incoming(connection, &package);
  if (wrong != LWS_CLOSE_STATUS_NOSTATUS) return say_goodbye(connection, wrong);
  if (package.size == 0) return 0;  // not passed on, as by the C gate
  if (connection.is_started) {
    deliver(connection, std::move(package));
    return 0;
  }
  // Until the start the connection is read all the same, so that its end and its signs of life are
  // seen; but only so far.
  connection.early_bytes += package.size + kPackageOverhead;
  connection.early.push_back(std::move(package));
  if (connection.early_bytes > shared_.options.max_message) pause(connection);
  return 0;
}

// How large a message may be as it comes. What does not compress gets a little larger by being
// compressed.
std::size_t IoThread::max_incoming(const Connection& connection) const {
  const std::size_t max = shared_.options.max_message;
  return connection.is_compressed ? max + max / 256 + 64 : max;
}

lws_close_status IoThread::finish_incoming(Connection& connection, Package* package) const {
  *package = {std::move(connection.incoming), connection.incoming_size};
  connection.incoming_size = connection.incoming_capacity = 0;
  if (connection.is_compressed) {
    Package inflated;
    switch (connection.deflate->inflate({package->bytes.get(), package->size},
                                        shared_.options.max_message, &inflated.bytes,
                                        &inflated.size)) {
      case Deflate::Result::ok: *package = std::move(inflated); break;
      case Deflate::Result::too_large: return LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE;
      case Deflate::Result::malformed: return LWS_CLOSE_STATUS_INVALID_PAYLOAD;
    }
  }
  if (connection.is_text && !is_utf8({package->bytes.get(), package->size})) {
    return LWS_CLOSE_STATUS_INVALID_PAYLOAD;
  }
  return LWS_CLOSE_STATUS_NOSTATUS;
}

bool IoThread::append_incoming(Connection& connection, std::string_view bytes) const {
  const std::size_t size = connection.incoming_size + bytes.size();
  if (size > max_incoming(connection)) return false;
  if (size + 1 > connection.incoming_capacity) {
    // The usual message comes in one piece and gets exactly what it needs; receivers in C find a
    // zero behind it.
    const std::size_t capacity = connection.incoming_size == 0
                                     ? size + 1
                                     : std::max(size + 1, 2 * connection.incoming_capacity);
    auto* larger = static_cast<char*>(std::realloc(connection.incoming.release(), capacity));
    RUNTIME_CHECK(larger != nullptr, "out of memory");
    connection.incoming.reset(larger);
    connection.incoming_capacity = capacity;
  }
  bytes.copy(connection.incoming.get() + connection.incoming_size, bytes.size());
  connection.incoming_size = size;
  connection.incoming.get()[size] = '\0';
  return true;
}

}  // namespace runtime::wsgate
