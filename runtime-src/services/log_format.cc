#include "services/log_format.h"

#include <fmt/format.h>

#include <array>

#include "base/utf8.h"

namespace runtime {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void append_escaped(std::string& out, std::string_view characters) {
  for (const char c : characters) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t whole = utf8_prefix(text).size;
    append_escaped(out, text.substr(0, whole));
    text.remove_prefix(whole);
    if (text.empty()) break;
    out += kReplacement;
    text.remove_prefix(1);
  }
  out += '"';
}

std::string_view level_of(std::string_view text) {
  struct Level {
    std::string_view mark, name;
  };
  static constexpr std::array<Level, 4> kLevels = {
      {{"[DEBUG]", "debug"}, {"[INFO]", "info"}, {"[WARN]", "warn"}, {"[ERROR]", "error"}}};
  for (const Level& level : kLevels) {
    if (text.starts_with(level.mark)) return level.name;
  }
  return {};
}

}  // namespace

std::string without_colours(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const std::size_t escape = text.find("\x1b[");
    plain += text.substr(0, escape);
    if (escape == text.npos) break;
    text.remove_prefix(escape);
    const std::size_t end = text.find_first_not_of("0123456789;", 2);
    if (end != text.npos && text[end] == 'm') {
      text.remove_prefix(end + 1);
    } else {  // another sequence: it stays
      plain += text.substr(0, 2);
      text.remove_prefix(2);
    }
  }
  return plain;
}

std::string json_line(std::uint32_t source, std::string_view text, timespec now) {
  tm local = {};
  localtime_r(&now.tv_sec, &local);
  char seconds[32];
  strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &local);
  const long minutes = local.tm_gmtoff / 60;
  const long distance = minutes < 0 ? -minutes : minutes;
  std::string line = fmt::format(R"({{"time":"{}.{:03}{}{:02}:{:02}","source":":{:08x}")", seconds,
                                 now.tv_nsec / 1'000'000, minutes < 0 ? '-' : '+', distance / 60,
                                 distance % 60, source);
  if (const std::string_view level = level_of(text); !level.empty())
    line += fmt::format(R"(,"level":"{}")", level);
  line += R"(,"text":)";
  append_string(line, text);
  line += '}';
  return line;
}

}  // namespace runtime
