#include "core/message_log.h"

#include <fmt/format.h>

#include <cstring>
#include <ctime>

#include "core/socket_message.h"

namespace runtime {

namespace {

std::string hex(const void* data, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(size * 2, '\0');
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < size; ++i) {
    text[2 * i] = kDigits[bytes[i] >> 4];
    text[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return text;
}

// "[socket] TYPE ID UD [text]" for events that carry a text, "... HEX" for data.
std::string event_line(const skynet_socket_message& event, std::size_t message_size) {
  const std::string line = fmt::format("[socket] {} {} {}", event.type, event.id, event.ud);
  if (event.buffer != nullptr) {
    return line + " " + hex(event.buffer, static_cast<std::size_t>(event.ud));
  }
  const auto* text = reinterpret_cast<const char*>(&event + 1);
  const std::size_t room = message_size - sizeof(event);
  return line + fmt::format(" [{}]", std::string_view(text, strnlen(text, room)));
}

}  // namespace

std::string message_log_path(const std::string& folder, Handle handle) {
  return fmt::format("{}/{:08x}.log", folder, handle);
}

std::FILE* open_message_log(const std::string& path, std::uint64_t now_cs) {
  std::FILE* file = std::fopen(path.c_str(), "ab");
  if (file == nullptr) return nullptr;
  const std::time_t wall = std::time(nullptr);
  char text[32];
  fmt::print(file, "open time: {} {}", now_cs, ctime_r(&wall, text));  // ctime ends the line
  std::fflush(file);
  return file;
}

void write_message_log(std::FILE* file, const Message& message, std::uint64_t now_cs) {
  std::string line;
  if (const skynet_socket_message* event = socket_event(message)) {
    line = event_line(*event, message.size());
  } else {
    line = fmt::format(":{:08x} {} {} {} {}", message.source, message.type(), message.session,
                       now_cs, hex(message.data, message.size()));
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), file);
  std::fflush(file);
}

void close_message_log(std::FILE* file, std::uint64_t now_cs) {
  fmt::print(file, "close time: {}\n", now_cs);
  std::fclose(file);
}

}  // namespace runtime
