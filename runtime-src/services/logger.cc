#include "services/logger.h"

#include <skynet.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "services/log_writer.h"

namespace runtime {

namespace {

timespec time_of_day() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

int on_message(skynet_context*, void* instance, int type, int, std::uint32_t source,
               const void* message, std::size_t size) {
  LogWriter& writer = *static_cast<LogWriter*>(instance);
  if (type == PTYPE_TEXT) {
    writer.write(source, {static_cast<const char*>(message), size}, time_of_day());
  } else if (type == PTYPE_SYSTEM && !writer.reopen()) {
    // The file that was open stays in use: better lines in an old file than none.
    const std::string text =
        "error: Can't reopen log file " + writer.path() + " : " + strerror(errno);
    writer.write(skynet_current_handle(), text, time_of_day());
  }
  return 0;
}

}  // namespace

}  // namespace runtime

void* logger_create(void) { return new runtime::LogWriter; }

int logger_init(void* instance, skynet_context* context, const char* path) {
  auto& writer = *static_cast<runtime::LogWriter*>(instance);
  if (path != nullptr && *path != '\0' && !writer.open(path)) {
    skynet_error(context, "error: Can't open log file %s : %s", path, strerror(errno));
    return 1;
  }
  skynet_callback(context, instance, runtime::on_message);
  return 0;
}

void logger_release(void* instance) { delete static_cast<runtime::LogWriter*>(instance); }
