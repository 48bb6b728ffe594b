#include "protocol.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace bench {
namespace {

using enum Part::Kind;

std::string test_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

void append_big_endian(std::string& to, std::uint64_t value, int bytes) {
  while (bytes-- > 0) to += static_cast<char>(value >> (8 * bytes));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

// The same bytes both ways.
class Echo final : public Protocol {
 public:
  explicit Echo(std::string message) : message_(std::move(message)) {}
  std::string_view request() const override { return message_; }
  Part parse(std::string_view received, bool) const override {
    if (received.size() < message_.size()) return {incomplete};
    return {received.starts_with(message_) ? reply : wrong, message_.size()};
  }

 private:
  const std::string message_;
};

std::string framed(std::size_t bytes) {
  std::string message;
  append_big_endian(message, bytes, 2);
  return message + test_bytes(bytes);
}

class WebSocket final : public Protocol {
 public:
  explicit WebSocket(std::size_t bytes) : payload_(test_bytes(bytes)) {
    constexpr char kKey[] = "\x37\xfa\x21\x3d";
    request_ += '\x82';
    if (bytes < 126) {
      append_big_endian(request_, 0x80 | bytes, 1);
    } else if (bytes < 65536) {
      append_big_endian(request_, 0x80 | 126, 1);
      append_big_endian(request_, bytes, 2);
    } else {
      append_big_endian(request_, 0x80 | 127, 1);
      append_big_endian(request_, bytes, 8);
    }
    request_.append(kKey, 4);
    for (std::size_t i = 0; i < bytes; ++i)
      request_ += static_cast<char>(payload_[i] ^ kKey[i % 4]);
  }

  // The key, and the answer to it, are the example of RFC 6455.
  std::string_view greeting() const override {
    return "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  }
  std::string_view request() const override { return request_; }

  Part parse(std::string_view received, bool greeted) const override {
    return greeted ? parse_frame(received) : parse_handshake(received);
  }

 private:
  static Part parse_handshake(std::string_view received) {
    const std::size_t end = received.find("\r\n\r\n");
    if (end == received.npos) return {incomplete};
    const bool good = received.starts_with("HTTP/1.1 101") &&
                      received.substr(0, end).find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != received.npos;
    return {good ? ready : wrong, end + 4};
  }

  Part parse_frame(std::string_view received) const {
    if (received.size() < 2) return {incomplete};
    std::size_t size = received[1] & 0x7f, head = 2;
    if (size >= 126) {
      const std::size_t length_bytes = size == 126 ? 2 : 8;
      head += length_bytes;
      if (received.size() < head) return {incomplete};
      size = big_endian(received.substr(2, length_bytes));
    }
    if (received.size() - head < size) return {incomplete};
    const int opcode = received[0] & 0x0f;
    if (opcode == 8) return {end, head + size};
    const bool same = opcode == 2 && received.substr(head, size) == payload_;
    return {same ? reply : wrong, head + size};
  }

  const std::string payload_;
  std::string request_;
};

class Http final : public Protocol {
 public:
  explicit Http(bool closes) : closes_(closes) {
    request_ = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\nAccept: */*\r\n";
    if (closes) request_ += "Connection: close\r\n";
    request_ += "\r\n";
  }
  std::string_view request() const override { return request_; }
  bool closes() const override { return closes_; }

  Part parse(std::string_view received, bool) const override {
    const std::size_t head = received.find("\r\n\r\n");
    if (head == received.npos) return {incomplete};
    const std::optional<std::size_t> body = body_size(received.substr(0, head + 2));
    if (!received.starts_with("HTTP/1.1 200") || !body) return {wrong, received.size()};
    const std::size_t size = head + 4 + *body;
    return {received.size() < size ? incomplete : reply, size};
  }

 private:
  // Of the field content-length, without which no server here answers.
  static std::optional<std::size_t> body_size(std::string_view head) {
    constexpr std::string_view kField = "\r\ncontent-length:";
    for (std::size_t line = head.find("\r\n"); line != head.npos;
         line = head.find("\r\n", line + 2)) {
      if (head.size() - line < kField.size()) break;
      if (strncasecmp(head.data() + line, kField.data(), kField.size()) == 0) {
        return std::strtoul(head.data() + line + kField.size(), nullptr, 10);
      }
    }
    return std::nullopt;
  }

  const bool closes_;
  std::string request_;
};

}  // namespace

std::unique_ptr<Protocol> make_protocol(std::string_view name, std::size_t bytes) {
  if (name == "raw") return std::make_unique<Echo>(test_bytes(bytes));
  if (name == "len2") return std::make_unique<Echo>(framed(bytes));
  if (name == "ws") return std::make_unique<WebSocket>(bytes);
  if (name == "http") return std::make_unique<Http>(false);
  if (name == "httpc") return std::make_unique<Http>(true);
  return nullptr;
}

}  // namespace bench
