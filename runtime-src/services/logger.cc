#include "services/logger.h"

#include <skynet.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "services/log_archiver.h"
#include "services/log_rotation.h"
#include "services/log_writer.h"

namespace runtime {

namespace {

constexpr double kMegabyte = 1024 * 1024;
constexpr std::size_t kHeadBytes = 34;  // of time and source, before a line's text
// 1/100 s between two looks whether standard output takes more
constexpr int kShortestPause = 1, kLongestPause = 32;

timespec time_of_day() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

// The config keys of the log. Raises nothing: what is wrong is told, and the default holds.
class Options {
 public:
  explicit Options(skynet_context* context) : context_(context) {}

  std::string text(const char* key) const {
    const char* value = skynet_command(context_, "GETENV", key);
    return value != nullptr ? value : "";
  }
  double number(const char* key) const {
    const std::string value = text(key);
    if (value.empty()) return 0;
    char* end = nullptr;
    const double result = std::strtod(value.c_str(), &end);
    if (*end == '\0' && result >= 0 && std::isfinite(result)) return result;
    wrong(key, value, "a number");
    return 0;
  }
  bool flag(const char* key, bool otherwise) const {
    const std::string value = text(key);
    if (value.empty()) return otherwise;
    if (value == "true" || value == "false") return value == "true";
    wrong(key, value, "true or false");
    return otherwise;
  }
  // Whether the option is `other`, and not `usual`.
  bool is(const char* key, const char* other, const char* usual) const {
    const std::string value = text(key);
    if (value.empty() || value == usual) return false;
    if (value == other) return true;
    wrong(key, value, std::string(usual) + " or " + other);
    return false;
  }

 private:
  void wrong(const char* key, const std::string& value, const std::string& wanted) const {
    skynet_error(context_, "error: the option `%s` is %s, not %s", key, value.c_str(),
                 wanted.c_str());
  }

  skynet_context* const context_;
};

class Logger {
 public:
  bool start(skynet_context* context, const char* path) {
    context_ = context;
    const Options options(context);
    const bool to_file = path != nullptr && *path != '\0';
    if (to_file && !writer_.open(path)) {
      skynet_error(context, "error: Can't open log file %s : %s", path, strerror(errno));
      return false;
    }
    LogStyle style;
    style.json = options.is("log_format", "json", "text");
    style.plain =
        options.is("log_colors", "auto", "always") && (to_file || isatty(STDOUT_FILENO) == 0);
    writer_.set_style(style);
    if (to_file) start_rotation(context, options);
    return true;
  }

  void line(std::uint32_t source, std::string_view text) {
    const timespec now = time_of_day();
    if (rotation_ && rotation_->is_due(kHeadBytes + text.size(), now)) rotate(now);
    const std::uint64_t before = writer_.written();
    writer_.write(source, text, now);
    if (rotation_) rotation_->wrote(writer_.written() - before);
    if (writer_.waiting() != 0 && !is_timed_) look_again();
  }

  // The timer of look_again().
  void go_on() {
    is_timed_ = false;
    const std::size_t before = writer_.waiting();
    writer_.go_on(time_of_day());
    pause_ = writer_.waiting() == before ? std::min(pause_ * 2, kLongestPause) : kShortestPause;
    if (writer_.waiting() != 0) look_again();
  }

  void reopen() {
    if (writer_.reopen()) {
      look_at_file();
    } else {
      // The file that was open stays in use: better lines in an old file than none.
      complain("Can't reopen log file " + writer_.path());
    }
  }

 private:
  // Standard output takes no more: tries again after a while.
  void look_again() {
    is_timed_ = skynet_command(context_, "TIMEOUT", std::to_string(pause_).c_str()) != nullptr;
  }

  void start_rotation(skynet_context* context, const Options& options) {
    LogRotationOptions when;
    when.max_bytes = static_cast<std::uint64_t>(options.number("log_max_size") * kMegabyte);
    when.daily = options.flag("log_daily", false);
    if (when.max_bytes == 0 && !when.daily) return;
    LogArchiverOptions what;
    what.compress = options.flag("log_compress", true);
    what.keep = static_cast<std::size_t>(options.number("log_keep"));
    rotation_.emplace(when);
    look_at_file();
    archiver_.emplace(writer_.path(), what, [context](const std::string& text) {
      skynet_error(context, "error: %s", text.c_str());
    });
  }

  void look_at_file() {
    if (!rotation_) return;
    struct stat info = {};
    if (stat(writer_.path().c_str(), &info) == 0)
      rotation_->opened(static_cast<std::uint64_t>(info.st_size), info.st_mtim);
  }

  void rotate(timespec now) {
    const std::string& path = writer_.path();
    const std::string aside = archive_name(path, now);
    if (std::rename(path.c_str(), aside.c_str()) != 0) {
      rotation_->put_off(now);
      return complain("Can't rename log file " + path + " to " + aside);
    }
    if (!writer_.reopen()) {
      // The node goes on writing to the file that has another name now.
      rotation_->put_off(now);
      return complain("Can't reopen log file " + path);
    }
    rotation_->opened(0, now);
    archiver_->add();
  }

  void complain(const std::string& what) {
    const std::string text = "error: " + what + " : " + strerror(errno);
    writer_.write(skynet_current_handle(), text, time_of_day());
  }

  skynet_context* context_ = nullptr;
  LogWriter writer_;
  int pause_ = kShortestPause;
  bool is_timed_ = false;
  std::optional<LogRotation> rotation_;
  std::optional<LogArchiver> archiver_;
};

int on_message(skynet_context*, void* instance, int type, int, std::uint32_t source,
               const void* message, std::size_t size) {
  Logger& logger = *static_cast<Logger*>(instance);
  if (type == PTYPE_TEXT) {
    logger.line(source, {static_cast<const char*>(message), size});
  } else if (type == PTYPE_SYSTEM) {
    logger.reopen();
  } else if (type == PTYPE_RESPONSE) {
    logger.go_on();
  }
  return 0;
}

}  // namespace

}  // namespace runtime

void* logger_create(void) { return new runtime::Logger; }

int logger_init(void* instance, skynet_context* context, const char* path) {
  if (!static_cast<runtime::Logger*>(instance)->start(context, path)) return 1;
  skynet_callback(context, instance, runtime::on_message);
  return 0;
}

void logger_release(void* instance) { delete static_cast<runtime::Logger*>(instance); }
