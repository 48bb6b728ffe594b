// The rest of the C plugin interface: log, callback, names, environment, time, memory.
#include <fmt/format.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "api/attach.h"
#include "api/memory.h"
#include "base/clock.h"
#include "core/scheduler.h"
#include "skynet.h"
#include "skynet_env.h"
#include "skynet_handle.h"
#include "skynet_mq.h"
#include "skynet_server.h"
#include "skynet_timer.h"

using namespace runtime;

extern "C" {

void skynet_error(skynet_context* context, const char* format, ...) {
  const Handle source = context == nullptr ? 0 : Service::from(context).handle();
  va_list args;
  va_start(args, format);
  if (std::strcmp(format, "%*s") == 0) {
    const int length = va_arg(args, int);
    const char* bytes = va_arg(args, const char*);
    api::node().log(source, {bytes, static_cast<std::size_t>(length)});
  } else {
    char text[512];
    va_list again;
    va_copy(again, args);
    const int length = std::vsnprintf(text, sizeof(text), format, args);
    if (length >= static_cast<int>(sizeof(text))) {
      std::string longer(static_cast<std::size_t>(length), '\0');
      std::vsnprintf(longer.data(), longer.size() + 1, format, again);
      api::node().log(source, longer);
    } else if (length >= 0) {
      api::node().log(source, {text, static_cast<std::size_t>(length)});
    }
    va_end(again);
  }
  va_end(args);
}

std::uint32_t skynet_queryname(skynet_context* context, const char* name) {
  const Handle handle = Service::from(context).node().find(name);
  if (handle == 0 && name[0] != '.' && name[0] != ':') {
    skynet_error(context, "error: Don't support query global name %s", name);
  }
  return handle;
}

int skynet_isremote(skynet_context* context, std::uint32_t handle, int* harbor) {
  if (harbor != nullptr) *harbor = static_cast<int>(handle >> kHarborShift);
  return Service::from(context).node().is_remote(handle) ? 1 : 0;
}

void skynet_callback(skynet_context* context, void* userdata, skynet_cb callback) {
  Service::from(context).set_callback(callback, userdata);
}

std::uint32_t skynet_current_handle(void) {
  const Worker* worker = Worker::current();
  return worker == nullptr || worker->service() == nullptr ? 0 : worker->service()->handle();
}

std::uint64_t skynet_now(void) { return api::node().timer.now(); }
std::uint32_t skynet_starttime(void) { return api::node().timer.start_seconds(); }
std::uint64_t skynet_thread_time(void) {
  return static_cast<std::uint64_t>(thread_cpu_ns()) / 1000;
}

void skynet_debug_memory(const char* info) {
  const Worker* worker = Worker::current();
  if (worker == nullptr || worker->service() == nullptr) return;
  Service& service = *worker->service();
  std::fprintf(stderr, "[:%08x] %s 0x%llx\n", service.handle(), info,
               static_cast<unsigned long long>(api::current_memory(service.context())));
}

int skynet_timeout(std::uint32_t handle, int ticks, int session) {
  if (ticks > 0) {
    api::node().timer.add(Ticks(ticks), {handle, session});
  } else if (!api::node().deliver(handle, Message::make(0, kTypeResponse, session, nullptr, 0))) {
    return -1;
  }
  return session;
}

const char* skynet_getenv(const char* key) { return api::node().environment.get(key); }
void skynet_setenv(const char* key, const char* value) { api::node().environment.set(key, value); }

std::uint32_t skynet_handle_findname(const char* name) { return api::node().names.find(name); }

const char* skynet_handle_namehandle(std::uint32_t handle, const char* name) {
  return api::node().names.add(name, handle) ? name : nullptr;
}

std::uint32_t skynet_context_handle(skynet_context* context) {
  return Service::from(context).handle();
}
int skynet_context_newsession(skynet_context* context) {
  return Service::from(context).new_session();
}
void runtime_set_filter(skynet_context* context, void* userdata, runtime_filter filter) {
  Service::from(context).set_filter(filter, userdata);
}
int skynet_context_total(void) { return static_cast<int>(api::node().service_count()); }

int skynet_context_push(std::uint32_t handle, skynet_message* message) {
  static_assert(sizeof(skynet_message) == sizeof(Message));
  return api::node().deliver(handle,
                             {message->source, message->session, message->data, message->sz})
             ? 0
             : -1;
}

int runtime_lives(std::uint32_t handle) {
  Service* service = api::node().acquire(handle);
  if (service == nullptr) return 0;
  service->drop();
  return 1;
}

void runtime_hold_messages(void) { api::node().scheduler.hold(); }
void runtime_release_messages(void) { api::node().scheduler.release_held(); }

char* skynet_strdup(const char* text) { return strdup(text); }

void* skynet_lalloc(void* block, std::size_t, std::size_t new_size) {
  if (new_size != 0) return std::realloc(block, new_size);
  std::free(block);
  return nullptr;
}

}  // extern "C"
