#include "services/wsgate/options.h"

#include <climits>
#include <cstdint>
#include <limits>

#include "services/words.h"

namespace runtime::wsgate {

namespace {

constexpr int kMaxThreads = 64;
constexpr int kMaxSeconds =
    std::numeric_limits<std::uint16_t>::max() / 2;  // libwebsockets counts in 16 bits

// A whole decimal number between the two, or not.
template <class Number>
bool parse_number(std::string_view text, Number least, Number most, Number* number) {
  Number value{};
  if (!read_number(text, 10, &value) || value < least || value > most) return false;
  *number = value;
  return true;
}

// host:port, [v6]:port, or port.
bool parse_address(std::string_view text, Options* options) {
  const std::size_t colon = text.rfind(':');
  std::string_view host;
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
      return false;  // without brackets it is not clear where the address ends
    }
    text.remove_prefix(colon + 1);
  }
  options->host = host;
  return parse_number(text, 0, 65535, &options->port);
}

bool parse_flag(std::string_view text, bool* flag) {
  if (text != "0" && text != "1") return false;
  *flag = text == "1";
  return true;
}

bool parse_seconds(std::string_view text, int least, std::chrono::seconds* seconds) {
  int number;
  if (!parse_number(text, least, kMaxSeconds, &number)) return false;
  *seconds = std::chrono::seconds(number);
  return true;
}

bool parse_list(std::string_view text, std::vector<std::string>* list) {
  list->clear();
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    if (part.empty()) return false;
    list->emplace_back(part);
    text.remove_prefix(part.size());
    if (!text.empty()) text.remove_prefix(1);
  }
  return !list->empty();
}

bool parse_text(std::string_view text, std::string* value) {
  *value = text;
  return !text.empty();
}

bool parse_overflow(std::string_view text, Overflow* overflow) {
  if (text != "close" && text != "drop") return false;
  *overflow = text == "close" ? Overflow::close : Overflow::drop;
  return true;
}

enum class Setting { good, bad_value, unknown };

Setting apply(std::string_view key, std::string_view value, Options* options) {
  const auto result = [](bool good) { return good ? Setting::good : Setting::bad_value; };
  constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // libwebsockets and zlib count with int
  if (key == "deflate") return result(parse_flag(value, &options->deflate));
  if (key == "text") return result(parse_flag(value, &options->sends_text));
  if (key == "realip") return result(parse_flag(value, &options->trusts_proxy));
  if (key == "maxframe") {
    return result(parse_number<std::size_t>(value, 1, kMostBytes, &options->max_message));
  }
  if (key == "sendlimit") {
    return result(parse_number<std::size_t>(value, 1, kMostBytes, &options->max_unsent));
  }
  if (key == "policy") return result(parse_overflow(value, &options->overflow));
  if (key == "ping") return result(parse_seconds(value, 0, &options->ping));
  if (key == "timeout") return result(parse_seconds(value, 1, &options->timeout));
  if (key == "origin") return result(parse_list(value, &options->origins));
  if (key == "path") return result(parse_text(value, &options->path));
  if (key == "protocol") return result(parse_list(value, &options->protocols));
  if (key == "threads") return result(parse_number(value, 1, kMaxThreads, &options->threads));
  if (key == "cert") return result(parse_text(value, &options->certificate));
  if (key == "key") return result(parse_text(value, &options->private_key));
  return Setting::unknown;
}

std::string because(std::string_view what, std::string_view value) {
  return std::string(what).append(value);
}

}  // namespace

std::string parse_options(std::string_view text, Options* options) {
  std::string_view rest = text;
  const std::string_view style = take_word(&rest);
  const std::string_view watchdog = take_word(&rest);
  const std::string_view address = take_word(&rest);
  const std::string_view tag = take_word(&rest);
  const std::string_view max = take_word(&rest);
  if (max.empty()) return because("Invalid wsgate parm ", text);
  if (style != "ws" && style != "wss")
    return because("Invalid wsgate style, need ws or wss : ", style);
  options->is_secure = style == "wss";
  if (watchdog != "!") options->watchdog = watchdog;
  if (!parse_address(address, options)) return because("Invalid wsgate address ", address);
  if (!parse_number(tag, 0, 255, &options->tag)) return because("Invalid wsgate tag ", tag);
  if (!parse_number(max, 1, INT_MAX, &options->max_connections)) return "Need max connection";
  for (std::string_view word = take_word(&rest); !word.empty(); word = take_word(&rest)) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
    switch (apply(key, value, options)) {
      case Setting::good: break;
      case Setting::bad_value: return because("Invalid value of a wsgate option : ", word);
      case Setting::unknown: return because("Unknown wsgate option ", key);
    }
  }
  return {};
}

}  // namespace runtime::wsgate
