// The part of an I/O thread that sends and receives messages.
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "base/websocket_frame.h"
#include "services/wsgate/gate_thread.h"

namespace runtime::wsgate {

namespace {

// Smaller messages are not worth compressing.
constexpr std::size_t kDeflateFrom = 64;
// What a package costs beside its bytes, so that many small ones are not more than they seem.
constexpr std::size_t kPackageOverhead = 64;

// Receivers in C find a zero behind the bytes.
Block copy_of(std::string_view bytes) {
  Block block(static_cast<char*>(std::malloc(bytes.size() + 1)));
  RUNTIME_CHECK(block != nullptr, "out of memory");
  bytes.copy(block.get(), bytes.size());
  block.get()[bytes.size()] = '\0';
  return block;
}

std::string close_payload(int code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

}  // namespace

// ---- out ----------------------------------------------------------------------------------------

std::size_t GateThread::waiting_bytes(const Connection& connection) {
  return connection.unsent_bytes +
         (lws_partial_buffered(connection.wsi) ? connection.handed_bytes : 0);
}

bool GateThread::flush(Connection& connection) {
  // Made by hand and written raw, the frames of many messages are one system call. libwebsockets
  // keeps what the socket does not take.
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
  const bool is_stuck = lws_partial_buffered(connection.wsi) != 0;
  if (is_stuck) leave_to_library_ = true;
  if (!connection.unsent.empty() || (is_stuck && connection.is_over)) {
    lws_callback_on_writable(connection.wsi);
  } else if (connection.is_over) {
    if (connection.is_gone) return false;
    shut(connection);
  }
  return true;
}

void GateThread::try_flush(Connection& connection) {
  if (flush(connection)) return;
  report_closed(connection);
  cut(connection);
}

void GateThread::append_frame(Connection& connection, const Package& message) {
  int opcode = shared_.options.sends_text ? websocket::kText : websocket::kBinary;
  if (message.control != 0) opcode = message.control;
  std::string_view payload(message.bytes.get(), message.size);
  if (connection.deflate != nullptr && message.size >= kDeflateFrom && message.control == 0) {
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

void GateThread::send_control(Connection& connection, int opcode, std::string_view payload) {
  Package frame{copy_of(payload), payload.size(), opcode};
  connection.unsent_bytes += frame.size;
  connection.unsent.push_back(std::move(frame));
}

int GateThread::on_writable(Connection& connection) {
  if (flush(connection)) return 0;
  report_closed(connection);
  return -1;
}

void GateThread::say_goodbye(Connection& connection, std::string_view payload) {
  report_closed(connection);
  if (connection.is_closing) return;
  connection.is_closing = true;
  send_control(connection, websocket::kClose, payload);
  // A peer that does not read, or does not answer, keeps the connection no longer than this.
  set_timer(connection, shared_.options.timeout);
  try_flush(connection);
}

void GateThread::finish(Connection& connection, std::string_view payload) {
  connection.is_over = true;
  if (connection.is_closing) return try_flush(connection);
  say_goodbye(connection, payload);
}

// ---- in -----------------------------------------------------------------------------------------

bool GateThread::read_connections(int timeout_ms) {
  while (!held_back_.empty()) {
    Connection& connection = *held_back_.back();
    held_back_.pop_back();
    if (!connection.is_gone) read(connection);
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
    report_closed(*connection);
    cut(*connection);
  }
  return true;
}

ssize_t GateThread::receive(const Connection& connection) {
  SSL* const tls = lws_get_ssl(connection.wsi);
  if (tls == nullptr) {
    return recv(lws_get_socket_fd(connection.wsi), received_.data(), received_.size(), 0);
  }
  ERR_clear_error();  // those of other connections
  const int size = SSL_read(tls, received_.data(), static_cast<int>(received_.size()));
  if (size > 0) return size;
  const int error = SSL_get_error(tls, size);
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
  return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

void GateThread::read(Connection& connection) {
  const ssize_t size = receive(connection);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return on_end(connection);
  // The rest of a record is in no descriptor that could be waited for.
  if (SSL* const tls = lws_get_ssl(connection.wsi); tls != nullptr && SSL_pending(tls) > 0) {
    held_back_.push_back(&connection);
  }
  connection.heard_ns = monotonic_ns();
  connection.is_pinged = false;
  on_bytes(connection, {received_.data(), static_cast<std::size_t>(size)});
}

void GateThread::pause(Connection& connection) {
  connection.is_paused = true;
  readable_.change(connection, ReadSet::Watch::end_only);
}

void GateThread::resume(Connection& connection) {
  if (!connection.is_paused || connection.is_gone) return;
  connection.is_paused = false;
  readable_.change(connection, ReadSet::Watch::bytes_and_end);
  held_back_.push_back(&connection);
}

void GateThread::on_bytes(Connection& connection, std::string_view bytes) {
  using Kind = websocket::Decoder::Event::Kind;
  if (connection.is_over) return;
  websocket::Decoder& decoder = *connection.decoder;
  decoder.feed(bytes);
  while (!connection.is_over) {
    const websocket::Decoder::Event event = decoder.next();
    if (event.kind == Kind::incomplete) break;
    if (event.kind == Kind::error) {
      finish(connection, close_payload(event.close_code));
    } else if (websocket::is_control(event.opcode)) {
      on_control(connection, event);
    } else {
      on_message(connection, event);
    }
  }
  if (!connection.unsent.empty() && !connection.is_over) try_flush(connection);
}

void GateThread::on_control(Connection& connection, const websocket::Decoder::Event& event) {
  if (event.opcode == websocket::kClose) {
    // Its code comes back, without the reason.
    finish(connection, event.text.substr(0, 2));
  } else if (event.opcode == websocket::kPing && !connection.is_closing) {
    // A peer that pings and does not read gets no answers to all of that.
    if (waiting_bytes(connection) + kPackageOverhead > shared_.options.max_unsent) return;
    send_control(connection, websocket::kPong, event.text);
  }
}

void GateThread::on_message(Connection& connection, const websocket::Decoder::Event& event) {
  if (connection.is_closing) return;
  Package package;
  const int wrong = unpack(connection, event, &package);
  if (wrong != 0) return finish(connection, close_payload(wrong));
  if (package.size == 0) return;  // not passed on, as by the C gate
  if (connection.is_started) return deliver(connection, std::move(package));
  // Until the start the connection is read all the same, so that its end and its signs of life are
  // seen; but only so far.
  connection.early_bytes += package.size + kPackageOverhead;
  connection.early.push_back(std::move(package));
  if (connection.early_bytes > shared_.options.max_message && !connection.is_paused) {
    pause(connection);
  }
}

int GateThread::unpack(Connection& connection, const websocket::Decoder::Event& event,
                       Package* package) const {
  const std::size_t max = shared_.options.max_message;
  if (!event.is_compressed) {
    if (event.text.size() > max) return websocket::kTooLarge;
    *package = {copy_of(event.text), event.text.size()};
    return 0;
  }
  switch (connection.deflate->inflate(event.text, max, &package->bytes, &package->size)) {
    case Deflate::Result::ok: break;
    case Deflate::Result::too_large: return websocket::kTooLarge;
    case Deflate::Result::malformed: return websocket::kInvalidData;
  }
  const bool is_wrong =
      event.opcode == websocket::kText && !is_utf8({package->bytes.get(), package->size});
  return is_wrong ? websocket::kInvalidData : 0;
}

}  // namespace runtime::wsgate
