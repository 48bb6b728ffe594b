// The functions of skynet_socket.h.
#include "api/socket_api.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "skynet.h"
#include "skynet_server.h"
#include "skynet_socket.h"

namespace runtime {
namespace {

SocketServer* attached = nullptr;

static_assert(sizeof(SocketEvent) == sizeof(skynet_socket_message));
static_assert(offsetof(SocketEvent, ud) == offsetof(skynet_socket_message, ud));
static_assert(offsetof(SocketEvent, buffer) == offsetof(skynet_socket_message, buffer));
static_assert(SKYNET_SOCKET_TYPE_DATA == kSocketData &&
              SKYNET_SOCKET_TYPE_WARNING == kSocketWarning);
static_assert(SOCKET_INFO_CLOSING == static_cast<int>(SocketInfo::Kind::closing));

const char* text(const char* host) { return host == nullptr ? "" : host; }

// What a send is to do with the bytes. Objects have no reader in this runtime, so nobody could make
// one.
bool read_buffer(skynet_context* context, const socket_sendbuffer& buffer, SendData* data) {
  switch (buffer.type) {
    case SOCKET_BUFFER_MEMORY:
      *data = SendData::owned(const_cast<void*>(buffer.buffer), buffer.sz);
      return true;
    case SOCKET_BUFFER_RAWPOINTER:
      *data = SendData::borrowed({static_cast<const char*>(buffer.buffer), buffer.sz});
      return true;
    default:
      skynet_error(context,
                   "socket-server error: send buffer of type %d, want memory (0) or a pointer (2)",
                   buffer.type);
      return false;
  }
}

int send(skynet_context* context, const socket_sendbuffer& buffer, Priority priority) {
  SendData data;
  if (!read_buffer(context, buffer, &data)) return -1;
  return attached->send(buffer.id, data, priority) ? 0 : -1;
}

}  // namespace

void set_socket_server(SocketServer* server) { attached = server; }
SocketServer& socket_server() { return *attached; }

bool resolve_host(const char* host, char* text, std::size_t size) {
  const Resolved resolved = SocketServer::resolve(host);
  std::string joined = resolved.error;
  for (const Address& address : resolved.addresses) joined += address.host_text() + " ";
  std::snprintf(text, size, "%s", joined.c_str());
  return !resolved.addresses.empty();
}

}  // namespace runtime

using runtime::Priority;
using runtime::SendData;
using runtime::socket_server;

extern "C" {

int skynet_socket_sendbuffer(skynet_context* context, socket_sendbuffer* buffer) {
  return runtime::send(context, *buffer, Priority::normal);
}

int skynet_socket_sendbuffer_lowpriority(skynet_context* context, socket_sendbuffer* buffer) {
  return runtime::send(context, *buffer, Priority::low);
}

int skynet_socket_listen(skynet_context* context, const char* host, int port, int backlog) {
  return socket_server().listen(skynet_context_handle(context), runtime::text(host), port, backlog);
}

int skynet_socket_connect(skynet_context* context, const char* host, int port) {
  return socket_server().connect(skynet_context_handle(context), runtime::text(host), port);
}

int skynet_socket_bind(skynet_context* context, int fd) {
  return socket_server().bind(skynet_context_handle(context), fd);
}

void skynet_socket_close(skynet_context*, int id) { socket_server().close(id); }
void skynet_socket_shutdown(skynet_context*, int id) { socket_server().shutdown(id); }
void skynet_socket_start(skynet_context* context, int id) {
  socket_server().start(skynet_context_handle(context), id);
}
void skynet_socket_pause(skynet_context*, int id) { socket_server().pause(id); }
void skynet_socket_nodelay(skynet_context*, int id) { socket_server().nodelay(id); }

int skynet_socket_udp(skynet_context* context, const char* address, int port) {
  return socket_server().udp(skynet_context_handle(context), runtime::text(address), port);
}

int skynet_socket_udp_connect(skynet_context*, int id, const char* address, int port) {
  return socket_server().udp_connect(id, runtime::text(address), port) ? 0 : -1;
}

int skynet_socket_udp_dial(skynet_context* context, const char* address, int port) {
  return socket_server().udp_dial(skynet_context_handle(context), runtime::text(address), port);
}

int skynet_socket_udp_listen(skynet_context* context, const char* address, int port) {
  return socket_server().udp_listen(skynet_context_handle(context), runtime::text(address), port);
}

int skynet_socket_udp_sendbuffer(skynet_context* context, const char* address,
                                 socket_sendbuffer* buffer) {
  SendData data;
  if (!runtime::read_buffer(context, *buffer, &data)) return -1;
  const std::size_t size = address == nullptr ? 0 : runtime::Address::encoded_size(address[0]);
  return socket_server().udp_send(buffer->id, {address, size}, data) ? 0 : -1;
}

const char* skynet_socket_udp_address(skynet_socket_message* message, int* size) {
  if (message->type != SKYNET_SOCKET_TYPE_UDP) {
    *size = 0;
    return nullptr;
  }
  const char* address = reinterpret_cast<const char*>(message + 1);
  *size = static_cast<int>(runtime::Address::encoded_size(address[0]));
  return address;
}

socket_info* skynet_socket_info(void) {
  socket_info* list = nullptr;
  for (const runtime::SocketInfo& one : socket_server().info()) {
    auto* info = static_cast<socket_info*>(std::calloc(1, sizeof(socket_info)));
    if (info == nullptr) break;
    info->id = one.id;
    info->type = static_cast<int>(one.kind);
    info->opaque = one.owner;
    info->read = one.read;
    info->write = one.written;
    info->rtime = one.read_time;
    info->wtime = one.write_time;
    info->wbuffer = static_cast<std::int64_t>(one.unsent);
    info->reading = one.reading;
    info->writing = one.writing;
    one.address.copy(info->name, sizeof(info->name) - 1);
    info->next = list;
    list = info;
  }
  return list;
}

void socket_info_release(socket_info* list) {
  while (list != nullptr) {
    socket_info* next = list->next;
    std::free(list);
    list = next;
  }
}

void runtime_socket_dead_after(int id, int seconds) { socket_server().dead_after(id, seconds); }
size_t runtime_socket_unsent(int id) { return socket_server().unsent(id); }

int runtime_socket_progress(int id, runtime_send_progress* out) {
  const auto progress = socket_server().progress(id);
  if (!progress) return -1;
  *out = {progress->bytes, progress->busy_us};
  return 0;
}

void runtime_socket_send_limit(int id, size_t bytes) { socket_server().send_limit(id, bytes); }

void runtime_socket_abandon(skynet_context* context, int id) {
  socket_server().abandon(skynet_context_handle(context), id);
}

void runtime_socket_close_unstarted(skynet_context* context, int id) {
  socket_server().close_unstarted(skynet_context_handle(context), id);
}

void runtime_socket_close_for(skynet_context* context, int id) {
  socket_server().close_for(skynet_context_handle(context), id);
}

void runtime_socket_acknowledge(int id, size_t size) { socket_server().acknowledge(id, size); }

}  // extern "C"
