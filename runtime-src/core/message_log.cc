#include "core/message_log.h"

#include <fmt/format.h>

#include <cstring>
#include <ctime>

#include "skynet.h"
#include "skynet_socket.h"

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
std::string socket_event(const Message& message) {
  skynet_socket_message event;
  std::memcpy(&event, message.data, sizeof(event));
  std::string line = fmt::format("[socket] {} {} {}", event.type, event.id, event.ud);
  if (event.buffer != nullptr) {
    return line + " " + hex(event.buffer, static_cast<std::size_t>(event.ud));
  }
  const auto* text = static_cast<const char*>(message.data) + sizeof(event);
  const std::size_t room = message.size() - sizeof(event);
  return line + fmt::format(" [{}]", std::string_view(text, strnlen(text, room)));
}

}  // namespace

std::FILE* open_message_log(const std::string& folder, Handle handle, std::uint64_t now_cs) {
  std::FILE* file = std::fopen(fmt::format("{}/{:08x}.log", folder, handle).c_str(), "ab");
  if (file == nullptr) return nullptr;
  const std::time_t wall = std::time(nullptr);
  char text[32];
  fmt::print(file, "open time: {} {}", now_cs, ctime_r(&wall, text));  // ctime ends the line
  std::fflush(file);
  return file;
}

void write_message_log(std::FILE* file, const Message& message) {
  std::string line;
  if (message.type() == kTypeSocket && message.size() >= sizeof(skynet_socket_message)) {
    line = socket_event(message);
  } else {
    line = fmt::format(":{:08x} {} {} {} {}", message.source, message.type(), message.session, skynet_now(),
                       hex(message.data, message.size()));
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
