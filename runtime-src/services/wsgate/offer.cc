#include "services/wsgate/offer.h"

#include <algorithm>
#include <vector>

namespace runtime::wsgate {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// Takes what is before the first `separator`, and the separator.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trimmed(part);
}

// A client's own window is smaller or as large as ours for it; without a value it asks nothing.
bool is_window(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  return value == "8" || value == "9" || (value.size() == 2 && value >= "10" && value <= "15");
}

bool is_acceptable_parameter(std::string_view name, std::string_view value, bool has_value) {
  if (name == "client_max_window_bits") return !has_value || is_window(value);
  return !has_value &&
         (name == "server_no_context_takeover" || name == "client_no_context_takeover");
}

}  // namespace

bool is_acceptable_offer(std::string_view extensions) {
  int offers = 0;
  while (!extensions.empty()) {
    std::string_view parameters = take(extensions, ',');
    if (take(parameters, ';') != "permessage-deflate") continue;
    if (++offers > 1) return false;
    std::vector<std::string_view> seen;
    while (!parameters.empty()) {
      std::string_view value = take(parameters, ';');
      const bool has_value = value.find('=') != std::string_view::npos;
      const std::string_view name = take(value, '=');
      if (!is_acceptable_parameter(name, value, has_value)) return false;
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) return false;
      seen.push_back(name);
    }
  }
  return offers == 1;
}

}  // namespace runtime::wsgate
