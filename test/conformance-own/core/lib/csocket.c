/* A C service over sockets: an echo server for TCP and UDP, as third parties write them.
 *
 * Text requests: "listen PORT", "udp PORT" and "udpecho PORT" give an id; "sockets" tells how many sockets the service
 * owns; "push" lets a thread of its own push messages. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "skynet.h"
#include "skynet_mq.h"
#include "skynet_server.h"
#include "skynet_socket.h"

enum { PUSHED = 1000 };

struct csocket {
  uint32_t handle;
  uint32_t asker;
  int asker_session;
  pthread_t thread;
  int pushed; /* messages of the thread that came, in order */
  char events[1024];
};

static void note(struct csocket* self, const char* what, const char* text) {
  const size_t used = strlen(self->events);
  snprintf(self->events + used, sizeof(self->events) - used, "%s %s;", what, text);
}

static void answer(struct skynet_context* ctx, uint32_t to, int session, const char* text) {
  skynet_send(ctx, 0, to, PTYPE_RESPONSE, session, (void*)text, strlen(text));
}

static void* push_all(void* argument) {
  struct csocket* self = (struct csocket*)argument;
  int i;
  for (i = 0; i < PUSHED; ++i) {
    struct skynet_message message;
    int* number = (int*)skynet_malloc(sizeof(*number));
    *number = i;
    message.source = 0;
    message.session = 0;
    message.data = number;
    message.sz = sizeof(*number) | (size_t)PTYPE_CLIENT << MESSAGE_TYPE_SHIFT;
    if (skynet_context_push(self->handle, &message) != 0) skynet_free(number);
  }
  return NULL;
}

/* Echoes "big" as many bytes, of low and of normal priority; anything else as it came. */
static void echo(struct skynet_context* ctx, int id, char* buffer, int size) {
  if (size >= 3 && memcmp(buffer, "big", 3) == 0) {
    struct socket_sendbuffer raw;
    char* block = (char*)skynet_malloc(1 << 20);
    memset(block, 'n', 1 << 20);
    skynet_socket_send(ctx, id, block, 1 << 20);
    skynet_socket_send_lowpriority(ctx, id, skynet_strdup("low"), 3);
    raw.id = id;
    raw.type = SOCKET_BUFFER_RAWPOINTER;
    raw.buffer = buffer;
    raw.sz = (size_t)size;
    skynet_socket_sendbuffer(ctx, &raw);
    skynet_free(buffer);
    return;
  }
  skynet_socket_send(ctx, id, buffer, size);
}

static void on_socket(struct csocket* self, struct skynet_context* ctx,
                      struct skynet_socket_message* message, size_t size) {
  char text[256];
  /* the text of an event lies behind the struct */
  snprintf(text, sizeof(text), "%.*s", (int)(size - sizeof(*message)), (const char*)(message + 1));
  switch (message->type) {
    case SKYNET_SOCKET_TYPE_DATA: echo(ctx, message->id, message->buffer, message->ud); break;
    case SKYNET_SOCKET_TYPE_UDP: {
      int length = 0;
      const char* address = skynet_socket_udp_address(message, &length);
      note(self, "udp", address && length == 7 ? "ip4" : "?");
      skynet_socket_udp_send(ctx, message->id, address, message->buffer, message->ud);
      break;
    }
    case SKYNET_SOCKET_TYPE_CONNECT: note(self, "connect", text); break;
    case SKYNET_SOCKET_TYPE_ACCEPT:
      note(self, "accept", strchr(text, ':') ? "with address" : text);
      skynet_socket_start(ctx, message->ud);
      skynet_socket_nodelay(ctx, message->ud);
      break;
    case SKYNET_SOCKET_TYPE_CLOSE:
      note(self, "close", "");
      skynet_socket_close(ctx, message->id);
      break;
    case SKYNET_SOCKET_TYPE_ERROR: note(self, "error", text); break;
    default: break;
  }
}

static int own_sockets(uint32_t handle) {
  struct socket_info *list = skynet_socket_info(), *info;
  int count = 0;
  for (info = list; info; info = info->next) count += info->opaque == handle;
  socket_info_release(list);
  return count;
}

static int handle(struct skynet_context* ctx, void* ud, int type, int session, uint32_t source,
                  const void* msg, size_t sz) {
  struct csocket* self = (struct csocket*)ud;
  char command[32] = "", out[1024] = "unknown";
  int number = 0;
  if (type == PTYPE_SOCKET) {
    on_socket(self, ctx, (struct skynet_socket_message*)msg, sz);
    return 0;
  }
  if (type == PTYPE_CLIENT) {
    if (*(const int*)msg == self->pushed && ++self->pushed == PUSHED) {
      pthread_join(self->thread, NULL);
      answer(ctx, self->asker, self->asker_session, "all in order");
    }
    return 0;
  }
  if (type != PTYPE_TEXT) return 0;
  snprintf(out, sizeof(out), "%.*s", (int)sz, (const char*)msg);
  sscanf(out, "%31s %d", command, &number);
  if (strcmp(command, "push") == 0) {
    self->asker = source;
    self->asker_session = session;
    pthread_create(&self->thread, NULL, push_all, self);
    return 0;
  }
  if (strcmp(command, "listen") == 0) {
    const int id = skynet_socket_listen(ctx, "127.0.0.1", number, 16);
    if (id >= 0) skynet_socket_start(ctx, id);
    snprintf(out, sizeof(out), "%d", id);
  } else if (strcmp(command, "udp") == 0) {
    snprintf(out, sizeof(out), "%d", skynet_socket_udp(ctx, "127.0.0.1", number));
  } else if (strcmp(command, "connect") == 0) {
    snprintf(out, sizeof(out), "%d", skynet_socket_connect(ctx, "127.0.0.1", number));
  } else if (strcmp(command, "pause") == 0) {
    skynet_socket_pause(ctx, number);
  } else if (strcmp(command, "start") == 0) {
    skynet_socket_start(ctx, number);
  } else if (strcmp(command, "close") == 0) {
    skynet_socket_close(ctx, number);
  } else if (strcmp(command, "sockets") == 0) {
    snprintf(out, sizeof(out), "%d", own_sockets(self->handle));
  } else if (strcmp(command, "events") == 0) {
    snprintf(out, sizeof(out), "%s", self->events);
    self->events[0] = '\0';
  } else if (strcmp(command, "send") == 0) {
    snprintf(out, sizeof(out), "%d", skynet_socket_send(ctx, number, skynet_strdup("hello\n"), 6));
  }
  answer(ctx, source, session, out);
  return 0;
}

void* csocket_create(void) { return skynet_calloc(1, sizeof(struct csocket)); }

int csocket_init(struct csocket* self, struct skynet_context* ctx, const char* parameter) {
  (void)parameter;
  self->handle = skynet_context_handle(ctx);
  skynet_callback(ctx, self, handle);
  return 0;
}

void csocket_release(struct csocket* self) { skynet_free(self); }
