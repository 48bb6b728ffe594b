#include "cli/node_settings.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

namespace runtime {

namespace {

class Reader {
 public:
  Reader(const Environment& environment, std::vector<std::string>& errors)
      : environment_(environment), errors_(errors) {}

  // The whole number from `least` to `most` that a key's value says.
  int number(const char* key, const char* otherwise, int least, int most) {
    const std::string value = text(environment_, key, otherwise);
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);  // 16/2 in a config is "8.0"
    if (!value.empty() && *end == '\0' && number >= least && number <= most &&
        number == std::floor(number)) {
      return static_cast<int>(number);
    }
    errors_.push_back(fmt::format("Invalid {} {} , should be in [{},{}]", key, value, least, most));
    return least;
  }

 private:
  const Environment& environment_;
  std::vector<std::string>& errors_;
};

}  // namespace

std::string text(const Environment& environment, const char* key, const char* otherwise) {
  const char* value = environment.get(key);
  return value == nullptr ? otherwise : value;
}

NodeSettings read_settings(const Environment& environment) {
  NodeSettings settings;
  Reader read(environment, settings.errors);
  const auto ticks = [&](const char* key, const char* otherwise, int most) {
    return std::chrono::milliseconds(10) * read.number(key, otherwise, 0, most);
  };
  settings.node.threads = read.number("thread", "", 1, 1024);
  settings.node.harbor = read.number("harbor", "", 0, 255);
  settings.node.profile = text(environment, "profile", "") == "true";
  settings.node.busy_wait = std::chrono::microseconds(read.number("busy_wait", "200", 0, 1000));
  settings.node.module_path = text(environment, "cpath", "");
  settings.socket_threads = read.number("socket_threads", "1", 1, 64);
  settings.flush_time = ticks("flush_timeout", "100", 6000);
  settings.drain_time = ticks("drain_timeout", "1000", 360'000);
  const std::string engine = text(environment, "engine", "");
  if (engine != "lua54" && engine != "luajit") {
    settings.errors.push_back(fmt::format("Invalid engine {} , should be lua54 or luajit", engine));
  }
  return settings;
}

}  // namespace runtime
